// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Committee } from "../src/Committee.sol";
import { ICommittee } from "../src/interfaces/ICommittee.sol";
import { TaleaTest } from "./support/TaleaTest.sol";
import { vm } from "./support/Vm.sol";

contract CommitteeTest is TaleaTest {
    bytes32 private constant DIGEST = keccak256("digest");
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    // Who may form a committee.

    function test_members_and_threshold_are_kept() public view {
        vm.assertEq(committee.threshold(), THRESHOLD, "threshold");
        vm.assertEq(committee.members(), addressesOf(keys), "members");
        for (uint256 i = 0; i < keys.length; ++i) {
            vm.assertTrue(committee.isMember(vm.addr(keys[i])), "a member");
        }
        vm.assertFalse(committee.isMember(depositor), "a stranger");
        vm.assertFalse(committee.isMember(address(0)), "zero");
    }

    function test_a_committee_has_members() public {
        refuses(abi.encodeWithSelector(ICommittee.MemberCountOutOfRange.selector, 0, 32));
        new Committee(new address[](0), nobody(), 2);
    }

    function test_a_committee_is_bounded() public {
        new Committee(someMembers(32), nobody(), 32);
        refuses(abi.encodeWithSelector(ICommittee.MemberCountOutOfRange.selector, 33, 32));
        new Committee(someMembers(33), nobody(), 33);
    }

    function test_one_signer_is_never_enough() public {
        refuses(abi.encodeWithSelector(ICommittee.ThresholdOutOfRange.selector, 1, 1));
        new Committee(someMembers(1), nobody(), 1);
    }

    function test_the_threshold_is_no_more_than_the_members() public {
        refuses(abi.encodeWithSelector(ICommittee.ThresholdOutOfRange.selector, 4, 3));
        new Committee(someMembers(3), nobody(), 4);
    }

    function testFuzz_the_threshold_is_two_at_least_and_two_thirds_at_least(uint256 count, uint256 threshold) public {
        count = bound(count, 1, 32);
        threshold = bound(threshold, 0, 40);
        bool fits = threshold >= 2 && threshold <= count && threshold * 3 >= count * 2;
        if (!fits) refuses(abi.encodeWithSelector(ICommittee.ThresholdOutOfRange.selector, threshold, count));
        new Committee(someMembers(count), nobody(), threshold);
    }

    function test_zero_is_no_member() public {
        address[] memory list = someMembers(3);
        list[0] = address(0);
        refuses(abi.encodeWithSelector(ICommittee.MembersUnsorted.selector, 0));
        new Committee(list, nobody(), 2);
    }

    function test_nobody_is_a_member_twice() public {
        address[] memory list = someMembers(3);
        list[2] = list[1];
        refuses(abi.encodeWithSelector(ICommittee.MembersUnsorted.selector, 2));
        new Committee(list, nobody(), 2);
    }

    function test_members_come_in_order() public {
        address[] memory list = someMembers(3);
        (list[0], list[1]) = (list[1], list[0]);
        refuses(abi.encodeWithSelector(ICommittee.MembersUnsorted.selector, 1));
        new Committee(list, nobody(), 2);
    }

    // What a quorum is.

    function test_a_quorum_and_any_more_is_accepted() public view {
        vm.assertTrue(committee.accepts(DIGEST, quorum(DIGEST, 3)), "quorum");
        vm.assertTrue(committee.accepts(DIGEST, quorum(DIGEST, 4)), "everybody");
    }

    function testFuzz_any_three_of_four_are_a_quorum(uint256 absent, bytes32 digest) public view {
        absent %= 4;
        bytes memory evidence;
        for (uint256 i = 0; i < 4; ++i) {
            if (i != absent) evidence = bytes.concat(evidence, signature(keys[i], digest));
        }
        vm.assertTrue(committee.accepts(digest, evidence), "refused");
    }

    function test_two_of_three_are_a_quorum() public {
        uint256[] memory three = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            three[i] = keys[i];
        }
        Committee small = new Committee(addressesOf(three), nobody(), 2);
        vm.assertTrue(small.accepts(DIGEST, quorum(DIGEST, 2)), "refused");
    }

    function test_no_evidence_is_refused() public {
        refuses(abi.encodeWithSelector(ICommittee.QuorumMissed.selector, 0, 3));
        committee.accepts(DIGEST, "");
    }

    function test_one_signature_short_is_refused() public {
        bytes memory evidence = quorum(DIGEST, 2);
        refuses(abi.encodeWithSelector(ICommittee.QuorumMissed.selector, 2, 3));
        committee.accepts(DIGEST, evidence);
    }

    function testFuzz_evidence_is_whole_signatures(bytes memory evidence) public {
        if (evidence.length % 65 == 0) evidence = bytes.concat(evidence, hex"00");
        refuses(abi.encodeWithSelector(ICommittee.EvidenceMalformed.selector, evidence.length));
        committee.accepts(DIGEST, evidence);
    }

    function testFuzz_noise_is_refused(bytes memory evidence) public {
        vm.expectRevert();
        committee.accepts(DIGEST, evidence);
    }

    function test_a_repeated_signer_counts_once() public {
        bytes memory evidence = bytes.concat(quorum(DIGEST, 2), signature(keys[1], DIGEST));
        refuses(abi.encodeWithSelector(ICommittee.SignersUnsorted.selector, 2));
        committee.accepts(DIGEST, evidence);
    }

    function test_signers_come_in_order() public {
        bytes memory evidence =
            bytes.concat(signature(keys[1], DIGEST), signature(keys[0], DIGEST), signature(keys[2], DIGEST));
        refuses(abi.encodeWithSelector(ICommittee.SignersUnsorted.selector, 1));
        committee.accepts(DIGEST, evidence);
    }

    function test_a_stranger_adds_nothing() public {
        keys.push(0x5742);
        sortKeys(keys);
        bytes memory evidence = quorum(DIGEST, 5);
        refuses(abi.encodeWithSelector(ICommittee.SignerUnknown.selector, vm.addr(0x5742)));
        committee.accepts(DIGEST, evidence);
    }

    function testFuzz_a_quorum_over_another_digest_is_refused(bytes32 other) public {
        vm.assume(other != DIGEST);
        bytes memory evidence = quorum(DIGEST, 3);
        vm.expectRevert();
        committee.accepts(other, evidence);
    }

    function testFuzz_a_changed_byte_is_refused(uint256 place, uint8 flip) public {
        vm.assume(flip != 0);
        bytes memory evidence = quorum(DIGEST, 3);
        evidence[place % evidence.length] ^= bytes1(flip);
        vm.expectRevert();
        committee.accepts(DIGEST, evidence);
    }

    function test_the_mirrored_signature_is_refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[2], DIGEST);
        bytes32 mirrored = bytes32(CURVE_ORDER - uint256(s));
        uint8 other = v == 27 ? 28 : 27;
        vm.assertEq(ecrecover(DIGEST, other, r, mirrored), vm.addr(keys[2]), "the curve itself accepts it");
        bytes memory evidence = bytes.concat(quorum(DIGEST, 2), abi.encodePacked(r, mirrored, other));
        refuses(abi.encodeWithSelector(ICommittee.SignatureInvalid.selector, 2));
        committee.accepts(DIGEST, evidence);
    }

    function testFuzz_v_is_27_or_28(uint8 v) public {
        vm.assume(v != 27 && v != 28);
        (, bytes32 r, bytes32 s) = vm.sign(keys[0], DIGEST);
        bytes memory evidence =
            bytes.concat(abi.encodePacked(r, s, v), signature(keys[1], DIGEST), signature(keys[2], DIGEST));
        refuses(abi.encodeWithSelector(ICommittee.SignatureInvalid.selector, 0));
        committee.accepts(DIGEST, evidence);
    }

    function test_a_signature_that_recovers_to_nobody_is_refused() public {
        bytes memory evidence = new bytes(3 * 65);
        evidence[64] = bytes1(uint8(27));
        refuses(abi.encodeWithSelector(ICommittee.SignatureInvalid.selector, 0));
        committee.accepts(DIGEST, evidence);
    }

    // Who must sign.

    function test_mandatory_members_are_kept() public {
        Committee strict = new Committee(addressesOf(keys), listOf(keys[1], keys[3]), THRESHOLD);
        vm.assertEq(strict.mandatory(), listOf(keys[1], keys[3]), "mandatory");
        vm.assertEq(committee.mandatory(), nobody(), "none");
    }

    function testFuzz_evidence_has_every_mandatory_signature(uint256 present, uint256 needed, bytes32 digest) public {
        present = bound(present, 0, 15);
        needed = bound(needed, 0, 15);
        Committee strict = new Committee(addressesOf(keys), addressesOf(subset(needed)), 3);
        uint256[] memory signers = subset(present);
        bytes memory evidence;
        for (uint256 i = 0; i < signers.length; ++i) {
            evidence = bytes.concat(evidence, signature(signers[i], digest));
        }
        uint256[] memory missing = subset(needed & ~present);
        if (signers.length < 3) {
            refuses(abi.encodeWithSelector(ICommittee.QuorumMissed.selector, signers.length, 3));
        } else if (missing.length > 0) {
            refuses(abi.encodeWithSelector(ICommittee.MandatoryMissing.selector, vm.addr(missing[0])));
        }
        bool accepted = strict.accepts(digest, evidence);
        vm.assertTrue(accepted || signers.length < 3 || missing.length > 0, "refused");
    }

    function test_mandatory_members_come_in_order() public {
        refuses(abi.encodeWithSelector(ICommittee.MandatoryUnsorted.selector, 1));
        new Committee(addressesOf(keys), listOf(keys[3], keys[1]), THRESHOLD);
    }

    function test_nobody_is_mandatory_twice() public {
        refuses(abi.encodeWithSelector(ICommittee.MandatoryUnsorted.selector, 1));
        new Committee(addressesOf(keys), listOf(keys[1], keys[1]), THRESHOLD);
    }

    function test_only_members_are_mandatory() public {
        address[] memory list = new address[](1);
        list[0] = depositor;
        refuses(abi.encodeWithSelector(ICommittee.MandatoryNoMember.selector, depositor));
        new Committee(addressesOf(keys), list, THRESHOLD);
    }

    function nobody() private pure returns (address[] memory) {
        return new address[](0);
    }

    function listOf(uint256 first, uint256 second) private pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (vm.addr(first), vm.addr(second));
    }

    /// @dev Returns the keys whose bit is set.
    function subset(uint256 bits) private view returns (uint256[] memory list) {
        uint256 count = 0;
        for (uint256 i = 0; i < 4; ++i) {
            count += (bits >> i) & 1;
        }
        list = new uint256[](count);
        for (uint256 i = 4; i > 0; --i) {
            if ((bits >> (i - 1)) & 1 == 1) list[--count] = keys[i - 1];
        }
    }

    function someMembers(uint256 count) private pure returns (address[] memory list) {
        list = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = address(uint160(0x1000 + i));
        }
    }
}
