// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccountId } from "../src/AccountId.sol";
import { Committee } from "../src/Committee.sol";
import { Exits } from "../src/Exits.sol";
import { MerkleList } from "../src/MerkleList.sol";
import { Quanta } from "../src/Quanta.sol";
import { TokenId } from "../src/TokenId.sol";
import { Vault } from "../src/Vault.sol";
import { TestToken } from "../src/dev/TestToken.sol";
import { IRollup } from "../src/interfaces/IRollup.sol";
import { IVault } from "../src/interfaces/IVault.sol";
import { PlacedRollup } from "./support/Doubles.sol";
import { ListBuilder } from "./support/ListBuilder.sol";
import { vm } from "./support/Vm.sol";

/// @dev Replays vectors/settlement.json, which the Rust side writes: both sides must agree on every byte.
contract GoldenTest {
    bool public constant IS_TEST = true;

    address private constant OWNER = address(0xA11);
    uint256 private constant GWEI = 1e9;
    // More than any vector has, so that a misnamed key cannot loop for ever.
    uint256 private constant ENTRIES_MAX = 1000;

    string private _json;
    IRollup.Header private _header;
    Committee private _committee;
    PlacedRollup private _rollup;
    Vault private _vault;

    function setUp() public {
        // In a try, because a failed cheatcode in `setUp` would say less than the tests below do.
        try vm.readFile("../vectors/settlement.json") returns (string memory json) {
            _json = json;
        } catch {
            return;
        }
        vm.chainId(number(".chain_id"));
        _header = IRollup.Header({
            configHash: word(".header.config_hash"),
            number: uint64(number(".header.number")),
            parentRoot: word(".header.parent_root"),
            stateRoot: word(".header.state_root"),
            inboxCount: uint64(number(".header.inbox_count")),
            inboxHash: word(".header.inbox_hash"),
            withdrawalsRoot: word(".header.withdrawals_root"),
            dataRoot: word(".header.data_root"),
            diffHash: word(".header.diff_hash")
        });
        _committee = new Committee(
            vm.parseJsonAddressArray(_json, ".committee.members"),
            vm.parseJsonAddressArray(_json, ".committee.mandatory"),
            number(".committee.threshold")
        );
        _rollup = deployRollupAt(vm.parseJsonAddress(_json, ".rollup"));
        _vault = Vault(address(_rollup.vault()));
    }

    modifier needsVectors() {
        vm.assertTrue(
            bytes(_json).length > 0,
            "vectors/settlement.json is missing: write it with `cargo xtask gen vectors`, at the root of the repository"
        );
        _;
    }

    function test_the_digest_is_the_same() public view needsVectors {
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            _rollup.eip712Domain();
        bytes32 domainSeparator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifyingContract
            )
        );
        vm.assertEq(domainSeparator, word(".domain_separator"), "domain separator");
        vm.assertEq(_rollup.headerDigest(_header), word(".digest"), "digest");
    }

    function test_the_committee_accepts_the_signatures() public view needsVectors {
        vm.assertTrue(_committee.accepts(word(".digest"), signatures()), "refused");
    }

    function test_the_inbox_rolls_the_same() public needsVectors {
        uint256 count = countOf(".inbox");
        vm.assertTrue(count > 0, "the vector has messages");
        for (uint256 i = 0; i < count; ++i) {
            queue(i);
            vm.assertEq(_rollup.inboxHash(uint64(i + 1)), word(at(".inbox", i, ".hash_after")), "hash after a message");
        }
        vm.assertEq(_rollup.inboxHash(_header.inboxCount), _header.inboxHash, "the header's inbox hash");
    }

    function test_the_withdrawals_have_the_same_root_and_paths() public view needsVectors {
        bytes32 root = word(".withdrawals_root");
        bytes32[] memory leaves = new bytes32[](countOf(".withdrawals"));
        vm.assertTrue(leaves.length > 0, "the vector has withdrawals");
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = word(at(".withdrawals", i, ".leaf"));
            vm.assertEq(MerkleList.leaf(abi.encode(withdrawal(i))), leaves[i], "leaf");
            vm.assertTrue(this.holds(root, leaves[i], i, path(i)), "path");
        }
        vm.assertEq(ListBuilder.root(leaves), root, "root");
        vm.assertEq(_header.withdrawalsRoot, root, "the header's root");
    }

    function test_the_batch_settles_and_its_withdrawals_are_paid() public needsVectors {
        for (uint256 i = 0; i < countOf(".inbox"); ++i) {
            queue(i);
        }
        _rollup.place(_header.number);
        _rollup.settle(_header, publishChunks(), signatures());
        vm.assertEq(_rollup.stateRoot(), word(".header.state_root"), "state");

        for (uint256 i = 0; i < countOf(".withdrawals"); ++i) {
            IVault.Withdrawal memory w = withdrawal(i);
            fund(w);
            uint256 balanceBefore = balanceOf(w);
            _vault.claim(_header.number, w, i, path(i));
            uint256 quantum = w.token.isHalf() ? 1 : _vault.quantumOf(w.token.toAddress());
            uint256 expected = uint256(Quanta.unwrap(w.amount)) * quantum;
            vm.assertEq(balanceOf(w) - balanceBefore, expected, "paid");
        }
    }

    function test_accounts_and_assets_have_the_same_ids() public needsVectors {
        Exits exits = Exits(address(_rollup.exits()));
        uint256 count = countOf(".accounts");
        vm.assertTrue(count > 0, "the vector has accounts");
        for (uint256 i = 0; i < count; ++i) {
            uint8 scheme = uint8(number(at(".accounts", i, ".scheme")));
            address owner = vm.parseJsonAddress(_json, at(".accounts", i, ".owner"));
            AccountId opened = _rollup.openAccount(scheme, limbs(at(".accounts", i, ".key")), owner);
            vm.assertEq(AccountId.unwrap(opened), word(at(".accounts", i, ".account")), "account");
        }
        count = countOf(".assets");
        vm.assertTrue(count > 0, "the vector has assets");
        for (uint256 i = 0; i < count; ++i) {
            address token = vm.parseJsonAddress(_json, at(".assets", i, ".token"));
            vm.assertEq(exits.assetOf(token), word(at(".assets", i, ".asset")), "asset");
        }
    }

    /// @dev External, because the library wants its path as calldata.
    function holds(bytes32 root, bytes32 leaf, uint256 position, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return MerkleList.holds(root, leaf, position, siblings);
    }

    /// @dev Runs the constructor as if the given address had been the one to be created.
    function deployRollupAt(address where) private returns (PlacedRollup) {
        bytes memory arguments = abi.encode(_header.configHash, _header.parentRoot, _committee, rules(), OWNER);
        vm.etch(where, bytes.concat(type(PlacedRollup).creationCode, arguments));
        (bool done, bytes memory runtime) = where.call("");
        vm.assertTrue(done, "the vector's rollup cannot be deployed");
        vm.etch(where, runtime);
        return PlacedRollup(where);
    }

    function rules() private view returns (IRollup.Rules memory) {
        return IRollup.Rules(1 days, 1 days, 7 days, _header.diffHash != 0);
    }

    /// @dev Publishes the vector's chunks and returns their hashes.
    function publishChunks() private returns (bytes32[] memory hashes) {
        hashes = new bytes32[](countOf(".chunks"));
        for (uint256 i = 0; i < hashes.length; ++i) {
            bytes memory chunk = vm.parseJsonBytes(_json, at(".chunks", i, ""));
            _rollup.publish(chunk);
            hashes[i] = keccak256(chunk);
        }
    }

    /// @dev Queues a message as its maker would, but for the checks of tokens and accounts that the vector makes up.
    function queue(uint256 i) private {
        uint256 kind = number(at(".inbox", i, ".kind"));
        if (kind == 3) {
            queueAction(i);
            return;
        }
        TokenId token = TokenId.wrap(word(at(".inbox", i, ".token")));
        Quanta amount = Quanta.wrap(uint64(number(at(".inbox", i, ".amount"))));
        AccountId account = AccountId.wrap(word(at(".inbox", i, ".account")));
        vm.assertTrue(account.isWellFormed(), "the vector's account could not be deposited to");
        if (kind == 1) {
            address sender = vm.parseJsonAddress(_json, at(".inbox", i, ".sender"));
            vm.prank(address(_vault));
            _rollup.append(account, token, amount, sender);
            return;
        }
        vm.assertEq(kind, 2, "kind");
        address recipient = vm.parseJsonAddress(_json, at(".inbox", i, ".recipient"));
        register(token);
        _rollup.own(account, recipient);
        vm.prank(recipient);
        _rollup.forceWithdrawal(account, token, amount);
    }

    function queueAction(uint256 i) private {
        AccountId account = AccountId.wrap(word(at(".inbox", i, ".account")));
        bytes memory spelled = vm.parseJsonBytes(_json, at(".inbox", i, ".elements"));
        vm.assertEq(spelled.length, 14 * 8, "elements");
        uint64[14] memory elements;
        for (uint256 at_ = 0; at_ < spelled.length; ++at_) {
            elements[at_ / 8] = (elements[at_ / 8] << 8) | uint8(spelled[at_]);
        }
        _rollup.own(account, OWNER);
        vm.prank(OWNER);
        _rollup.forceAction(account, elements);
    }

    /// @dev Makes an L1 token of the vector exist here.
    function register(TokenId token) private {
        if (token.isHalf() || _vault.assetOf(token) != 0) return;
        address where = token.toAddress();
        if (where.code.length == 0) vm.etch(where, type(TestToken).runtimeCode);
        vm.prank(OWNER);
        _vault.registerToken(where, 1);
    }

    /// @dev Locks in the vault what a withdrawal will take out. A token has to exist first, and a half is made then.
    function fund(IVault.Withdrawal memory w) private {
        uint256 amount = Quanta.unwrap(w.amount);
        AccountId account = AccountId.wrap(bytes32(uint256(1)));
        if (amount == 0 || w.token.isHalf()) return;
        address token = w.token.toAddress();
        if (token == address(0)) {
            vm.deal(address(this), amount * GWEI);
            _vault.depositETH{ value: amount * GWEI }(account);
            return;
        }
        register(w.token);
        TestToken(token).mint(address(this), amount);
        TestToken(token).approve(address(_vault), amount);
        _vault.deposit(token, amount, account);
    }

    function balanceOf(IVault.Withdrawal memory w) private view returns (uint256) {
        if (w.token.isHalf()) return _vault.halves().balanceOf(w.recipient, uint256(TokenId.unwrap(w.token)));
        address token = w.token.toAddress();
        return token == address(0) ? w.recipient.balance : TestToken(token).balanceOf(w.recipient);
    }

    function withdrawal(uint256 i) private view returns (IVault.Withdrawal memory) {
        return IVault.Withdrawal({
            index: uint64(number(at(".withdrawals", i, ".index"))),
            recipient: vm.parseJsonAddress(_json, at(".withdrawals", i, ".recipient")),
            token: TokenId.wrap(word(at(".withdrawals", i, ".token"))),
            amount: Quanta.wrap(uint64(number(at(".withdrawals", i, ".amount"))))
        });
    }

    function path(uint256 i) private view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(_json, at(".withdrawals", i, ".path"));
    }

    function signatures() private view returns (bytes memory) {
        return vm.parseJsonBytes(_json, ".committee.signatures");
    }

    function countOf(string memory list) private view returns (uint256 count) {
        while (count < ENTRIES_MAX && vm.keyExistsJson(_json, at(list, count, ""))) ++count;
    }

    function at(string memory list, uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", key);
    }

    /// @dev A key: five limbs of eight bytes.
    function limbs(string memory key) private view returns (uint64[5] memory read) {
        bytes memory text = vm.parseJsonBytes(_json, key);
        vm.assertEq(text.length, 40, "length of a key");
        for (uint256 i = 0; i < text.length; ++i) {
            read[i / 8] = (read[i / 8] << 8) | uint8(text[i]);
        }
    }

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(_json, key);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(_json, key);
    }
}
