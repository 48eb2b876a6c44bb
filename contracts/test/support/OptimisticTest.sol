// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Claims } from "../../src/Claims.sol";
import { IClaims } from "../../src/interfaces/IClaims.sol";
import { IRollup } from "../../src/interfaces/IRollup.sol";
import { IVerifier } from "../../src/interfaces/IVerifier.sol";
import { TaleaTest } from "./TaleaTest.sol";
import { vm } from "./Vm.sol";

/// @dev A rollup that believes claims. The committee's quorum stands where a validity proof will: it is evidence that
/// decides by itself.
abstract contract OptimisticTest is TaleaTest {
    uint256 internal constant BOND = 1 ether;
    uint64 internal constant WINDOW = 6 hours;
    uint32 internal constant PROVER_PPM = 400_000;
    uint256 internal constant REWARD = 0.4 ether;
    /// @dev How far apart blocks are.
    uint256 internal constant BLOCK_TIME = 12;

    address internal immutable sequencer = vm.addr(0x5E0);
    address internal immutable honest = vm.addr(0x401);
    address internal immutable prover = vm.addr(0x940);
    Claims internal claims;

    function setUp() public virtual override {
        super.setUp();
        claims = deployClaims(committee, safeTerms());
        use(deploy(claims, safeRules()));
        joinAs(honest);
    }

    // Deployment.

    function safeTerms() internal view returns (IClaims.Terms memory) {
        return IClaims.Terms(sequencer, BOND, WINDOW, PROVER_PPM);
    }

    /// @dev Returns claims about the rollup that is deployed right after.
    function deployClaims(IVerifier proof, IClaims.Terms memory terms) internal returns (Claims) {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        return new Claims(IRollup(next), proof, terms);
    }

    // Batches.

    /// @dev The sequencer commits to the next batch, which consumes the whole inbox.
    function commitNext() internal returns (uint64 number) {
        number = nextToCommit();
        uint64 count = rollup.inboxCount();
        bytes32 inboxHash = rollup.inboxHash(count);
        vm.prank(sequencer);
        claims.commit(number, count, inboxHash, dataOf(number));
    }

    function nextToCommit() internal view returns (uint64) {
        return claims.lastCommitted() + 1;
    }

    function dataOf(uint64 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("data", number));
    }

    /// @dev Returns the state that the batches up to this one truly lead to.
    function trueRoot(uint64 number) internal pure returns (bytes32) {
        return number == 0 ? GENESIS_ROOT : keccak256(abi.encode("state", number));
    }

    /// @dev Returns what a committed batch truly leads to.
    function truth(uint64 number) internal view returns (IRollup.Header memory) {
        return outcome(number, trueRoot(number - 1), trueRoot(number));
    }

    /// @dev Returns a lie about a committed batch.
    function lie(uint64 number, uint256 which) internal view returns (IRollup.Header memory) {
        return outcome(number, trueRoot(number - 1), keccak256(abi.encode("lie", number, which)));
    }

    function outcome(uint64 number, bytes32 parentRoot, bytes32 stateRoot)
        internal
        view
        returns (IRollup.Header memory)
    {
        uint64 count = claims.commitmentOf(number).inboxCount;
        return IRollup.Header({
            configHash: CONFIG_HASH,
            number: number,
            parentRoot: parentRoot,
            stateRoot: stateRoot,
            inboxCount: count,
            inboxHash: rollup.inboxHash(count),
            withdrawalsRoot: keccak256(abi.encode("withdrawals", stateRoot)),
            dataRoot: dataOf(number),
            diffHash: keccak256(abi.encodePacked(chunks()))
        });
    }

    function digestOf(IRollup.Header memory header) internal view returns (bytes32) {
        return rollup.headerDigest(header);
    }

    function contestOf(IRollup.Header memory header) internal pure returns (bytes32) {
        return keccak256(abi.encode(header.number, header.parentRoot));
    }

    // Proposers and provers.

    function sybil(uint256 which) internal pure returns (address) {
        return vm.addr(0x515_000 + which);
    }

    function joinAs(address proposer) internal {
        vm.deal(proposer, proposer.balance + BOND);
        vm.prank(proposer);
        claims.join{ value: BOND }();
    }

    function claimAs(address proposer, IRollup.Header memory header) internal returns (bytes32) {
        vm.prank(proposer);
        claims.claim(header);
        return digestOf(header);
    }

    function doubtAs(address proposer, IRollup.Header memory header) internal {
        vm.prank(proposer);
        claims.doubt(header);
    }

    function proofOf(IRollup.Header memory header) internal view returns (bytes memory) {
        return quorum(digestOf(header), THRESHOLD);
    }

    function announcementOf(address by, IRollup.Header memory header, bytes memory evidence)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(by, digestOf(header), keccak256(evidence)));
    }

    /// @dev Announces a proof, waits for a block and gives it.
    function proveAs(address by, IRollup.Header memory header) internal {
        bytes memory evidence = proofOf(header);
        claims.announce(announcementOf(by, header, evidence));
        nextBlock();
        vm.prank(by);
        claims.prove(header, evidence);
    }

    function settleClaimed(IRollup.Header memory header) internal {
        rollup.settle(header, chunks(), "");
    }

    function refusesToSettle(IRollup.Header memory header, bytes memory fault) internal {
        refuses(fault);
        rollup.settle(header, chunks(), "");
    }

    // Time.

    function nextBlock() internal {
        wait(BLOCK_TIME);
    }

    function wait(uint256 time) internal {
        vm.warp(block.timestamp + time);
        vm.roll(block.number + (time + BLOCK_TIME - 1) / BLOCK_TIME);
    }

    // Expectations.

    function checkWhole(address proposer) internal {
        uint256 before = proposer.balance;
        vm.prank(proposer);
        claims.leave();
        vm.assertEq(proposer.balance, before + BOND, "the bond is back");
    }

    function checkOpen(address proposer, uint256 open) internal view {
        vm.assertEq(claims.proposerOf(proposer).open, open, "open claims");
    }

    function checkStanding(address proposer, IClaims.Standing standing) internal view {
        vm.assertEq(uint256(claims.proposerOf(proposer).standing), uint256(standing), "standing");
    }

    function checkSettled(uint64 number) internal view {
        vm.assertEq(rollup.batchNumber(), number, "batch");
        vm.assertEq(rollup.stateRoot(), trueRoot(number), "the true root");
    }
}
