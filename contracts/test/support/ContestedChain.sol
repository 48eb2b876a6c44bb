// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Claims } from "../../src/Claims.sol";
import { Rollup } from "../../src/Rollup.sol";
import { IClaims } from "../../src/interfaces/IClaims.sol";
import { IRollup } from "../../src/interfaces/IRollup.sol";
import { OptimisticTest } from "./OptimisticTest.sol";
import { vm } from "./Vm.sol";

/// @dev An honest sequencer, an honest proposer who does no more than it must, a prover, and attackers with bonds, for the
/// invariant tests to drive in any order.
contract ContestedChain is OptimisticTest {
    uint256 private constant SYBILS = 6;
    /// @dev How many batches are on their way at most.
    uint64 private constant BACKLOG = 5;
    /// @dev Of the calls that may freeze the rollup, one in this many does.
    uint256 private constant FREEZE_ONE_IN = 32;

    /// @dev A claim, or a doubt of one.
    struct Made {
        IRollup.Header header;
        address proposer;
        bytes32 digest;
    }

    Made[] private _made;
    uint256 public eliminatedCount;
    uint256 public liftedCount;
    uint256 public closedCount;
    uint256 public settledCount;
    uint256 public provenCount;
    uint256 public leftCount;
    uint256 public doubtedCount;
    uint256 public retractedCount;
    bool public wasFooled;

    constructor() {
        setUp();
    }

    modifier whileRunning() {
        if (!rollup.frozen()) _;
    }

    // What the honest do.

    function commit(uint256 forced) external whileRunning {
        if (claims.lastCommitted() >= rollup.batchNumber() + BACKLOG) return;
        if (forced % 2 == 0) force(abi.encode(forced));
        commitNext();
    }

    /// @dev Time goes by, and the honest do beforehand what they must: no lie stands without the truth beside it, and the
    /// truth does not depend on the attackers' bonds.
    function pass(uint256 time) external whileRunning {
        for (uint64 number = rollup.batchNumber() + 1; number <= claims.lastCommitted(); ++number) {
            IRollup.Header memory header = truth(number);
            bytes32 digest = digestOf(header);
            IClaims.Contest memory contest = claims.contestOf(number, header.parentRoot);
            bool isThere = claims.stanceOf(digest, honest) != IClaims.Stance.None;
            if (contest.proven != 0 || isThere) continue;
            uint256 others = contest.claims - (claims.claimOf(digest).proposers != 0 ? 1 : 0);
            if (others == 0 && contest.claims != 0) continue;
            _note(header, honest);
        }
        wait(bound(time, 1, WINDOW / 2));
    }

    function prove(uint256 which) external whileRunning {
        uint64 first = rollup.batchNumber() + 1;
        uint64 last = claims.lastCommitted();
        if (first > last) return;
        uint64 number = uint64(bound(which, first, last));
        if (claims.contestOf(number, trueRoot(number - 1)).proven != 0) return;
        proveAs(prover, truth(number));
        ++provenCount;
    }

    // What attackers do.

    function lieAbout(uint256 which, uint256 number, uint256 content) external whileRunning {
        uint64 first = rollup.batchNumber() + 1;
        uint64 last = claims.lastCommitted();
        if (first > last) return;
        uint64 about = uint64(bound(number, first, last));
        address liar = sybil(which % SYBILS);
        if (claims.proposerOf(liar).standing == IClaims.Standing.Stranger) joinAs(liar);
        IRollup.Header memory header = lie(about, content % 3);
        // The truth, as a guard for lies; and a lie after a lie.
        if (content % 5 == 3) header = truth(about);
        if (content % 5 == 4 && about > first) header.parentRoot = lie(about - 1, content % 3).stateRoot;
        vm.prank(liar);
        try claims.claim(header) {
            _made.push(Made(header, liar, digestOf(header)));
        } catch { }
    }

    function doubtAny(uint256 which, uint256 what) external whileRunning {
        if (_made.length == 0) return;
        address doubter = sybil(which % SYBILS);
        if (claims.proposerOf(doubter).standing == IClaims.Standing.Stranger) joinAs(doubter);
        IRollup.Header memory header = _made[what % _made.length].header;
        vm.prank(doubter);
        try claims.doubt(header) {
            _made.push(Made(header, doubter, claims.doubtOf(digestOf(header))));
            ++doubtedCount;
        } catch { }
    }

    function retractAny(uint256 which) external {
        if (_made.length == 0) return;
        Made memory made = _made[which % _made.length];
        bytes32 digest = digestOf(made.header);
        vm.prank(made.proposer);
        try claims.retract(digest) {
            ++retractedCount;
        } catch { }
    }

    function settleAny(uint256 which) external whileRunning {
        if (_made.length == 0) return;
        _trySettle(_made[which % _made.length].header);
    }

    function settleNext() external whileRunning {
        if (claims.lastCommitted() <= rollup.batchNumber()) return;
        uint64 number = rollup.batchNumber() + 1;
        for (uint256 which = 0; which < 3; ++which) {
            _trySettle(lie(number, which));
        }
        _trySettle(truth(number));
    }

    function leave(uint256 which) external {
        vm.prank(which % (SYBILS + 1) == SYBILS ? honest : sybil(which % SYBILS));
        try claims.leave() {
            ++leftCount;
        } catch { }
        if (claims.proposerOf(honest).standing == IClaims.Standing.Stranger && !claims.isOver()) joinAs(honest);
    }

    function collectAny(bool burn) external {
        address payee = burn ? address(0) : prover;
        if (claims.owedTo(payee) != 0) claims.collect(payee);
    }

    // What anybody does.

    function eliminateAny(uint256 which) external {
        if (_made.length == 0) return;
        Made memory made = _made[which % _made.length];
        try claims.eliminate(made.digest, made.proposer) {
            ++eliminatedCount;
            if (made.proposer == honest) wasFooled = true;
        } catch { }
    }

    function liftAny(uint256 which) external {
        if (_made.length == 0) return;
        Made memory made = _made[which % _made.length];
        try claims.lift(made.digest, made.proposer) {
            ++liftedCount;
        } catch { }
    }

    function closeAny(uint256 which) external {
        if (_made.length == 0) return;
        Made memory made = _made[which % _made.length];
        try claims.close(made.digest, made.proposer) {
            ++closedCount;
        } catch { }
    }

    function freeze(uint256 chance) external whileRunning {
        if (chance % FREEZE_ONE_IN != 0 || rollup.consumed() == rollup.inboxCount()) return;
        wait(FORCED_DEADLINE + FREEZE_GRACE + 1);
        rollup.freeze();
    }

    // The books.

    function contracts() external view returns (Rollup, Claims) {
        return (rollup, claims);
    }

    /// @dev Returns what the contract owes, by its own books.
    function owed() external view returns (uint256 sum) {
        sum = claims.owedTo(prover) + claims.owedTo(address(0)) + _bondOf(honest);
        for (uint256 i = 0; i < SYBILS; ++i) {
            sum += _bondOf(sybil(i));
        }
    }

    function standingOfHonest() external view returns (IClaims.Standing) {
        return claims.proposerOf(honest).standing;
    }

    function settledTruth() external view returns (bytes32) {
        return trueRoot(rollup.batchNumber());
    }

    /// @dev Counts the claims of each proposer that hold its bond, and compares.
    function isOpenCounted() external view returns (bool) {
        for (uint256 i = 0; i <= SYBILS; ++i) {
            address proposer = i == SYBILS ? honest : sybil(i);
            if (claims.proposerOf(proposer).standing != IClaims.Standing.Bonded) continue;
            uint256 open = 0;
            for (uint256 j = 0; j < _made.length; ++j) {
                if (_made[j].proposer != proposer) continue;
                if (claims.stanceOf(_made[j].digest, proposer) == IClaims.Stance.Behind) ++open;
            }
            if (open != claims.proposerOf(proposer).open) return false;
        }
        return true;
    }

    /// @dev Proves and settles the next batch, if there is one to settle.
    function settleTheTruth() external {
        if (rollup.frozen() || claims.lastCommitted() <= rollup.batchNumber()) return;
        uint64 number = rollup.batchNumber() + 1;
        IRollup.Header memory header = truth(number);
        if (claims.contestOf(number, header.parentRoot).proven == 0) proveAs(prover, header);
        settleClaimed(header);
    }

    function _bondOf(address proposer) private view returns (uint256) {
        return claims.proposerOf(proposer).standing == IClaims.Standing.Bonded ? BOND : 0;
    }

    function _note(IRollup.Header memory header, address proposer) private {
        claimAs(proposer, header);
        _made.push(Made(header, proposer, digestOf(header)));
    }

    function _trySettle(IRollup.Header memory header) private {
        bytes32[] memory list = chunks();
        try rollup.settle(header, list, "") {
            ++settledCount;
            if (header.stateRoot != trueRoot(header.number)) wasFooled = true;
        } catch { }
    }
}
