// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId, GOLDILOCKS_ORDER } from "../../src/AccountId.sol";
import { Committee } from "../../src/Committee.sol";
import { Exits } from "../../src/Exits.sol";
import { Halves } from "../../src/Halves.sol";
import { Quanta } from "../../src/Quanta.sol";
import { Rollup } from "../../src/Rollup.sol";
import { TokenId, tokenId } from "../../src/TokenId.sol";
import { Vault } from "../../src/Vault.sol";
import { TestToken } from "../../src/dev/TestToken.sol";
import { IRollup } from "../../src/interfaces/IRollup.sol";
import { IVault } from "../../src/interfaces/IVault.sol";
import { IVerifier } from "../../src/interfaces/IVerifier.sol";
import { ListBuilder } from "./ListBuilder.sol";
import { vm } from "./Vm.sol";

/// @dev A deployed rollup with a committee of four, three of whom must sign, and the steps that most tests share.
abstract contract TaleaTest {
    bool public constant IS_TEST = true;

    address internal constant ETH = address(0);
    uint256 internal constant GWEI = 1e9;
    bytes32 internal constant CONFIG_HASH = keccak256("config");
    bytes32 internal constant GENESIS_ROOT = keccak256("genesis");
    uint256 internal constant THRESHOLD = 3;
    uint64 internal constant FORCED_DEADLINE = 1 days;
    uint64 internal constant FREEZE_GRACE = 12 hours;
    uint64 internal constant EXIT_WINDOW = 3 days;
    bytes internal constant CHUNK = "the state diff of every batch here";
    uint8 internal constant SCHEME = 2;

    address internal immutable owner = vm.addr(0xA11);
    address internal immutable depositor = vm.addr(0xDE9);
    address internal immutable recipient = vm.addr(0x4EC);
    AccountId internal immutable account = accountOf("account");
    /// @dev An open account of the recipient's.
    AccountId internal forcing;

    /// @dev The members' keys, in the order of their addresses.
    uint256[] internal keys;
    Committee internal committee;
    Rollup internal rollup;
    Vault internal vault;
    Exits internal exits;
    Halves internal halves;
    TestToken internal token;

    function setUp() public virtual {
        for (uint256 key = 1; key <= 4; ++key) {
            keys.push(key);
        }
        sortKeys(keys);
        vm.warp(1_700_000_000);
        vm.roll(1_000_000);
        committee = new Committee(addressesOf(keys), new address[](0), THRESHOLD);
        use(deploy(committee, safeRules()));
        token = new TestToken();
        vm.prank(owner);
        vault.registerToken(address(token), 1);
        vm.deal(depositor, 1e30);
    }

    // Deployment.

    function safeRules() internal pure returns (IRollup.Rules memory) {
        return IRollup.Rules(FORCED_DEADLINE, FREEZE_GRACE, EXIT_WINDOW, true);
    }

    /// @dev Returns a rollup at its genesis. The data of its batches is there if its rules ask for it.
    function deploy(IVerifier verifier, IRollup.Rules memory rules) internal returns (Rollup deployed) {
        deployed = new Rollup(CONFIG_HASH, GENESIS_ROOT, verifier, rules, owner, owner);
        deployed.publish(CHUNK);
    }

    /// @dev Makes a rollup the one under test.
    function use(Rollup deployed) internal {
        rollup = deployed;
        vault = Vault(address(rollup.vault()));
        exits = Exits(address(rollup.exits()));
        halves = Halves(address(vault.halves()));
        forcing = exits.accountOf(SCHEME, keyOf("forcing"), recipient);
        if (rollup.ownerOf(forcing) == address(0)) rollup.openAccount(SCHEME, keyOf("forcing"), recipient);
    }

    // Accounts and keys.

    /// @dev Returns a well-formed key made from a name. It is hardly ever a point, which no contract asks for.
    function keyOf(bytes memory name) internal pure returns (uint64[5] memory key) {
        for (uint256 i = 0; i < 5; ++i) {
            key[i] = uint64(uint256(keccak256(abi.encode(name, i))) % GOLDILOCKS_ORDER);
        }
    }

    /// @dev Returns a well-formed account id made from a name.
    function accountOf(bytes memory name) internal pure returns (AccountId) {
        uint256 noise = uint256(keccak256(name));
        uint256 limbs = 0;
        for (uint256 shift = 0; shift < 256; shift += 64) {
            limbs |= (((noise >> shift) & type(uint64).max) % GOLDILOCKS_ORDER) << shift;
        }
        return AccountId.wrap(bytes32(limbs));
    }

    function sortKeys(uint256[] storage list) internal {
        for (uint256 i = 1; i < list.length; ++i) {
            for (uint256 j = i; j > 0 && vm.addr(list[j]) < vm.addr(list[j - 1]); --j) {
                (list[j], list[j - 1]) = (list[j - 1], list[j]);
            }
        }
    }

    function addressesOf(uint256[] memory list) internal pure returns (address[] memory addresses) {
        addresses = new address[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            addresses[i] = vm.addr(list[i]);
        }
    }

    // Signatures.

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev Returns evidence by the first `count` members.
    function quorum(bytes32 digest, uint256 count) internal view returns (bytes memory evidence) {
        for (uint256 i = 0; i < count; ++i) {
            evidence = bytes.concat(evidence, signature(keys[i], digest));
        }
    }

    // Batches.

    /// @dev Returns a header that follows the current state, consumes the whole inbox and withdraws nothing.
    function nextHeader() internal view returns (IRollup.Header memory) {
        uint64 number = rollup.batchNumber() + 1;
        return IRollup.Header({
            configHash: CONFIG_HASH,
            number: number,
            parentRoot: rollup.stateRoot(),
            stateRoot: keccak256(abi.encode("state", number)),
            inboxCount: rollup.inboxCount(),
            inboxHash: rollup.inboxHash(rollup.inboxCount()),
            withdrawalsRoot: 0,
            dataRoot: keccak256(abi.encode("data", number)),
            diffHash: keccak256(abi.encodePacked(chunks()))
        });
    }

    /// @dev Returns the chunks that every batch here has.
    function chunks() internal pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = keccak256(CHUNK);
    }

    function settle(IRollup.Header memory header) internal {
        rollup.settle(header, chunks(), quorum(rollup.headerDigest(header), THRESHOLD));
    }

    /// @dev Settles the next batch with these withdrawals and returns its number.
    function settleWithdrawals(IVault.Withdrawal[] memory withdrawals) internal returns (uint64) {
        IRollup.Header memory header = nextHeader();
        header.withdrawalsRoot = ListBuilder.root(leavesOf(withdrawals));
        settle(header);
        return header.number;
    }

    function leavesOf(IVault.Withdrawal[] memory withdrawals) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](withdrawals.length);
        for (uint256 i = 0; i < withdrawals.length; ++i) {
            leaves[i] = leafOf(withdrawals[i]);
        }
    }

    function leafOf(IVault.Withdrawal memory w) internal pure returns (bytes32) {
        bytes memory fields = abi.encode(w.index, w.recipient, TokenId.unwrap(w.token), Quanta.unwrap(w.amount));
        return keccak256(bytes.concat(hex"00", fields));
    }

    // The inbox.

    /// @dev Queues a message and lets everybody ignore it until the rollup is frozen.
    function freezeRollup() internal {
        if (rollup.consumed() == rollup.inboxCount()) force("ignored");
        vm.warp(block.timestamp + FORCED_DEADLINE + FREEZE_GRACE + 1);
        rollup.freeze();
    }

    /// @dev Queues an action made from a name.
    function force(bytes memory name) internal returns (uint64) {
        vm.prank(recipient);
        return rollup.forceAction(forcing, transferOf(name));
    }

    /// @dev Returns the elements of a transfer to an account made from a name, of an asset made from it too.
    function transferOf(bytes memory name) internal pure returns (uint64[14] memory elements) {
        uint256 limbs = uint256(AccountId.unwrap(accountOf(name)));
        (elements[0], elements[9]) = (1, uint64(name.length));
        for (uint256 i = 0; i < 4; ++i) {
            elements[1 + i] = uint64(limbs >> (192 - 64 * i));
            elements[5 + i] = elements[1 + i];
        }
    }

    /// @dev Returns the payload of a forced action.
    function actionPayload(AccountId of_, uint64[14] memory elements) internal pure returns (bytes32) {
        bytes memory words = bytes.concat(AccountId.unwrap(of_));
        for (uint256 i = 0; i < 14; ++i) {
            words = bytes.concat(words, bytes32(uint256(elements[i])));
        }
        return keccak256(words);
    }

    function hashAfter(bytes32 hashBefore, uint64 index, uint8 kind, bytes32 payload) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hashBefore, bytes32(uint256(index)), bytes32(uint256(kind)), payload));
    }

    /// @dev Returns the payload of a deposit or of a forced withdrawal.
    function transferPayload(AccountId of_, TokenId moved, uint64 amount, address party)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            bytes.concat(
                AccountId.unwrap(of_), TokenId.unwrap(moved), bytes32(uint256(amount)), bytes32(uint256(uint160(party)))
            )
        );
    }

    // Value.

    function depositETH(uint256 amount) internal {
        vm.prank(depositor);
        vault.depositETH{ value: amount }(account);
    }

    function depositToken(uint256 amount) internal {
        token.mint(depositor, amount);
        vm.startPrank(depositor);
        token.approve(address(vault), amount);
        vault.deposit(address(token), amount, account);
        vm.stopPrank();
    }

    /// @dev Returns a well-formed id of a half made from a name.
    function halfOf(bytes memory name) internal pure returns (TokenId) {
        return TokenId.wrap(AccountId.unwrap(accountOf(name)));
    }

    // Shorthand.

    function idOf(address moved) internal pure returns (TokenId) {
        return tokenId(moved);
    }

    function refuses(bytes memory data) internal {
        vm.expectRevert(data);
    }

    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}
