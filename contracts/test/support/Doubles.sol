// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import { AccountId } from "../../src/AccountId.sol";
import { DirectVerifier } from "../../src/DirectVerifier.sol";
import { Rollup } from "../../src/Rollup.sol";
import { IRollup } from "../../src/interfaces/IRollup.sol";
import { IVerifier } from "../../src/interfaces/IVerifier.sol";

/// @dev A verifier that has made up its mind.
contract FixedVerifier is DirectVerifier {
    bool private immutable _verdict;

    constructor(bool verdict) {
        _verdict = verdict;
    }

    function accepts(bytes32, bytes calldata) external view returns (bool) {
        return _verdict;
    }
}

/// @dev Says that one statement was checked, whatever became of its proof.
contract Registered {
    bytes32 private immutable _context;
    bytes32 private immutable _publics;

    constructor(bytes32 context, bytes32 publics) {
        (_context, _publics) = (context, publics);
    }

    function publicsOf(bytes32 context) external view returns (bytes32) {
        return context == _context ? _publics : bytes32(0);
    }

    function isComplete(bytes32 context) external view returns (bool) {
        return context == _context;
    }
}

/// @dev Settles whatever a verifier accepts.
contract Settling {
    bytes32 public settled;

    function settle(IVerifier verifier, IRollup.Header calldata header, bytes calldata evidence) external {
        bytes32 digest = headerDigest(header);
        require(verifier.accepts(digest, evidence), "refused");
        settled = digest;
    }

    function headerDigest(IRollup.Header calldata header) public pure returns (bytes32) {
        return keccak256(abi.encode(header));
    }
}

/// @dev A rollup that can be told which batch comes next, to replay one out of the middle of a chain, and who owns an
/// account whose key nobody knows.
contract PlacedRollup is Rollup {
    constructor(bytes32 configHash_, bytes32 parentRoot, IVerifier verifier_, Rules memory rules_, address owner)
        Rollup(configHash_, parentRoot, verifier_, rules_, owner, owner)
    { }

    function place(uint64 number) external {
        batchNumber = number - 1;
    }

    function own(AccountId account, address owner) external {
        ownerOf[account] = owner;
    }
}

/// @dev Keeps a tenth of what is transferred.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address recipient, uint256 amount) external {
        _mint(recipient, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        bool free = from == address(0) || to == address(0);
        uint256 fee = free ? 0 : amount / 10;
        if (fee > 0) super._update(from, address(0), fee);
        super._update(from, to, amount - fee);
    }
}

/// @dev Answers transfers as told and moves nothing.
contract LyingToken {
    bool private immutable _answer;

    constructor(bool answer) {
        _answer = answer;
    }

    function balanceOf(address) external pure returns (uint256) {
        return 7;
    }

    function transferFrom(address, address, uint256) external view returns (bool) {
        return _answer;
    }
}

/// @dev Moves tokens and returns no answer, as some old tokens do.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;

    function mint(address recipient, uint256 amount) external {
        balanceOf[recipient] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev Makes one prepared call, while it is being transferred.
contract CallingToken is ERC20("Calling", "CALL") {
    address private _target;
    bytes private _call;

    function mint(address recipient, uint256 amount) external {
        _mint(recipient, amount);
    }

    function prepare(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target == address(0)) return;
        (bool done, bytes memory fault) = _target.call(_call);
        if (done) return;
        assembly {
            revert(add(fault, 0x20), mload(fault))
        }
    }
}

/// @dev Claims again while it is being paid, and swallows the refusal.
contract GreedyRecipient {
    bytes private _call;
    bytes4 public refusal;

    function prepare(bytes calldata call) external {
        _call = call;
    }

    receive() external payable {
        (bool done, bytes memory fault) = msg.sender.call(_call);
        if (!done) refusal = bytes4(fault);
    }
}

/// @dev Takes ETH only when it feels like it.
contract MoodyRecipient {
    bool private _open;

    function open() external {
        _open = true;
    }

    receive() external payable {
        require(_open, "closed");
    }
}
