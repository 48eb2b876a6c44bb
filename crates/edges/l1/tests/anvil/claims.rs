//! Bonded claims, on a chain that reorganises.

use crate::node::Node;
use crate::{ALSO_RICH, RICH, digest, first_batch, name, secret};
use crypto::eth::EthKey;
use l1::claims::{Claims, Contest, Stance, Standing, Step, Terms, announcement, doubt_of};
use l1::deploy::{Deployed, Deployment, deploy, deploy_optimistic};
use l1::{Call, Error, Reader, Sent, Units, Writer};
use proof::committee::{Committee, evidence};
use proof::{BatchHeader, Domain};
use transition::L1Rules;
use types::{Bytes32, EthAddress};

const WINDOW_S: u64 = 1_000;

/// A rollup that believes claims. Its committee's quorum stands for a proof.
struct Optimistic {
    node: Node,
    members: Vec<EthKey>,
    deployed: Deployed,
    claims: Claims,
}

impl Optimistic {
    async fn start() -> Self {
        let node = Node::start();
        let members = members();
        let committee = committee(&members);
        let (deployed, at) =
            deploy_optimistic(&node.url, &secret(RICH), &deployment(&committee, &rules()), &terms()).await.unwrap();
        let claims = Claims::of_rollup(&node.url, deployed.rollup).await.unwrap().unwrap();
        assert_eq!((claims.address(), claims.terms().await.unwrap()), (at, terms()));
        Self { node, members, deployed, claims }
    }

    async fn writer(&self, key: &str) -> Writer {
        Writer::connect(&self.node.url, &secret(key), self.deployed.contracts()).await.unwrap()
    }

    async fn step(&self, writer: &Writer, step: Step<'_>) -> Result<Sent, Error> {
        writer.call(Call::Claims { claims: self.claims.address(), step }).await
    }

    fn digest(&self, batch: &BatchHeader) -> Bytes32 {
        batch.digest(&Domain { chain_id: 31337, rollup: self.deployed.rollup })
    }

    fn proof(&self, batch: &BatchHeader) -> Vec<u8> {
        let digest = self.digest(batch);
        let signatures: Vec<_> = self.members[..2].iter().map(|key| (key.address(), key.sign(&digest))).collect();
        evidence(&signatures)
    }

    async fn prove(&self, writer: &Writer, batch: &BatchHeader) -> Result<Sent, Error> {
        let evidence = self.proof(batch);
        let announcement = announcement(&writer.address(), &self.digest(batch), &evidence);
        self.step(writer, Step::Announce { announcement }).await.unwrap();
        self.node.mine(1).await;
        self.step(writer, Step::Prove { batch, evidence: &evidence }).await
    }

    async fn pass(&self, seconds: u64) {
        self.node.call::<_, i64>("evm_increaseTime", (seconds,)).await;
        self.node.mine(1).await;
    }
}

fn members() -> Vec<EthKey> {
    let mut members: Vec<_> = (1..4).map(|n| EthKey::from_bytes([n; 32]).unwrap()).collect();
    members.sort_by_key(EthKey::address);
    members
}

fn committee(members: &[EthKey]) -> Committee {
    Committee { members: members.iter().map(EthKey::address).collect(), threshold: 2, mandatory: Vec::new() }
}

fn rules() -> L1Rules {
    L1Rules { forced_deadline_s: 5_000, freeze_grace_s: 2 * WINDOW_S, exit_window_s: 10_000, data_on_l1: false }
}

fn terms() -> Terms {
    let sequencer = EthKey::from_bytes(*secret(RICH).expose_secret()).unwrap().address();
    Terms { sequencer, bond: Units::from(1_000_000u64), window_s: WINDOW_S, prover_ppm: 400_000 }
}

fn deployment<'a>(committee: &'a Committee, rules: &'a L1Rules) -> Deployment<'a> {
    Deployment {
        config_hash: digest(1),
        genesis_root: digest(2),
        committee,
        rules,
        owner: EthAddress::ZERO,
        dev_token: false,
    }
}

fn lie() -> BatchHeader {
    BatchHeader { state_root: digest(66), ..first_batch() }
}

#[tokio::test]
async fn a_claim_settles_after_its_window() {
    let chain = Optimistic::start().await;
    let (writer, truth) = (chain.writer(RICH).await, first_batch());
    assert_eq!(name(chain.step(&writer, Step::Claim { batch: &truth }).await), "BatchNotCommitted");
    chain.step(&writer, Step::Commit { batch: &truth }).await.unwrap();
    let commitment = chain.claims.commitment(1).await.unwrap().unwrap();
    assert_eq!((commitment.data_root, commitment.inbox_count), (truth.data_root, 0));
    assert_eq!((chain.claims.last_committed().await.unwrap(), chain.claims.commitment(2).await.unwrap()), (1, None));

    chain.step(&writer, Step::Join { bond: terms().bond }).await.unwrap();
    let made = chain.step(&writer, Step::Claim { batch: &truth }).await.unwrap();
    let claimed = chain.claims.claimed(0..=made.block).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].digest, claimed[0].proposer), (chain.digest(&truth), writer.address()));
    assert_eq!(claimed[0].state_root, Bytes32(truth.state_root.to_be_bytes()));
    assert_eq!(name(writer.settle(&truth, &[], &[]).await), "WindowOpen");
    chain.pass(WINDOW_S).await;
    writer.settle(&truth, &[], &[]).await.unwrap();

    let (digest, proposer) = (chain.digest(&truth), writer.address());
    assert_eq!(chain.claims.standing(&proposer).await.unwrap(), Standing::Bonded { open: 1 });
    chain.step(&writer, Step::Close { digest, proposer }).await.unwrap();
    chain.step(&writer, Step::Leave).await.unwrap();
    assert_eq!(chain.claims.standing(&proposer).await.unwrap(), Standing::Stranger);
}

/// The node takes its newest blocks back while a contradicted batch waits, and with them the proof.
#[tokio::test]
async fn a_reorganisation_in_the_middle_of_a_contest_changes_nothing_but_time() {
    let chain = Optimistic::start().await;
    let (honest, liar) = (chain.writer(RICH).await, chain.writer(ALSO_RICH).await);
    let (truth, lie) = (first_batch(), lie());
    chain.step(&honest, Step::Commit { batch: &truth }).await.unwrap();
    for writer in [&honest, &liar] {
        chain.step(writer, Step::Join { bond: terms().bond }).await.unwrap();
    }
    chain.step(&liar, Step::Claim { batch: &lie }).await.unwrap();
    chain.step(&honest, Step::Claim { batch: &truth }).await.unwrap();
    chain.pass(WINDOW_S).await;
    assert_eq!(name(honest.settle(&lie, &[], &[]).await), "ProofAwaited");

    chain.prove(&honest, &truth).await.unwrap();
    let contest = chain.claims.contest(1, &digest(2)).await.unwrap();
    assert_eq!(contest.proven, Some(chain.digest(&truth)));
    chain.node.reorganise(3).await;
    let Contest { proven, claims, .. } = chain.claims.contest(1, &digest(2)).await.unwrap();
    assert_eq!((proven, claims), (None, 2), "announcement and proof are gone, the claims are not");
    assert_eq!(name(honest.settle(&lie, &[], &[]).await), "ProofAwaited");

    chain.prove(&honest, &truth).await.unwrap();
    honest.settle(&truth, &[], &[]).await.unwrap();
    let reader = Reader::connect(&chain.node.url, chain.deployed.contracts(), 0).await.unwrap();
    assert_eq!(reader.settled().await.unwrap().state_root, truth.state_root);
    let (digest, proposer) = (chain.digest(&lie), liar.address());
    chain.step(&honest, Step::Eliminate { digest, proposer }).await.unwrap();
    chain.step(&honest, Step::Lift { digest, proposer }).await.unwrap();
    assert_eq!(chain.claims.standing(&proposer).await.unwrap(), Standing::Eliminated);
    assert_eq!(chain.claims.proposers(&digest).await.unwrap(), 0);
    assert_eq!(name(chain.step(&liar, Step::Leave).await), "StandingWrong");
    let payee = honest.address();
    assert_eq!(chain.claims.owed(&payee).await.unwrap(), Units::from(400_000u64));
    chain.step(&liar, Step::Collect { payee }).await.unwrap();
    chain.step(&liar, Step::Collect { payee: EthAddress::ZERO }).await.unwrap();
    assert_eq!(chain.claims.owed(&payee).await.unwrap(), Units::ZERO);
    assert!(!chain.claims.is_over().await.unwrap());
}

/// Here the claim is true, so that the doubter pays; it may have been all the same to whoever was not shown the batch.
#[tokio::test]
async fn what_is_claimed_of_a_withheld_batch_is_doubted_and_settles_by_no_silence() {
    let chain = Optimistic::start().await;
    let (sequencer, watcher) = (chain.writer(RICH).await, chain.writer(ALSO_RICH).await);
    let truth = first_batch();
    chain.step(&sequencer, Step::Commit { batch: &truth }).await.unwrap();
    for writer in [&sequencer, &watcher] {
        chain.step(writer, Step::Join { bond: terms().bond }).await.unwrap();
    }
    let made = chain.step(&sequencer, Step::Claim { batch: &truth }).await.unwrap();
    let claim = chain.claims.claimed(0..=made.block).await.unwrap()[0];
    assert_eq!((claim.digest, claim.doubts), (chain.digest(&truth), None));

    // Taken back in time, a doubt has cost nothing. Nobody doubts the same twice.
    chain.step(&watcher, Step::Doubt { claim: &claim }).await.unwrap();
    chain.step(&watcher, Step::Retract { digest: claim.digest }).await.unwrap();
    assert_eq!(name(chain.step(&watcher, Step::Doubt { claim: &claim }).await), "AlreadyMade");
    assert_eq!(name(chain.step(&watcher, Step::Retract { digest: claim.digest }).await), "NothingToRetract");
    let made = chain.step(&sequencer, Step::Doubt { claim: &claim }).await.unwrap();
    let all = chain.claims.claimed(0..=made.block).await.unwrap();
    let doubt = all.last().unwrap();
    let proposer = sequencer.address();
    assert_eq!((all.len(), doubt.doubts, doubt.proposer), (3, Some(claim.digest), proposer));
    assert_eq!((doubt.digest, doubt.rest), (doubt_of(&claim.digest), claim.rest));
    assert_eq!(chain.claims.stance(&doubt.digest, &proposer).await.unwrap(), Stance::Behind);
    assert_eq!(chain.claims.contest_after(1, &claim.parent_root).await.unwrap().claims, 1, "a doubt is no claim");

    let before = chain.claims.now_s().await.unwrap();
    chain.pass(2 * WINDOW_S).await;
    assert!(chain.claims.now_s().await.unwrap() >= before + 2 * WINDOW_S);
    assert_eq!(name(sequencer.settle(&truth, &[], &[]).await), "ClaimDoubted");
    assert!(!chain.claims.is_accepted(&claim.digest).await.unwrap());
    chain.prove(&watcher, &truth).await.unwrap();
    sequencer.settle(&truth, &[], &[]).await.unwrap();
    let root = Bytes32(truth.state_root.to_be_bytes());
    assert_eq!(chain.claims.settled_root().await.unwrap(), root);
    chain.step(&watcher, Step::Eliminate { digest: doubt.digest, proposer }).await.unwrap();
    assert_eq!(chain.claims.owed(&watcher.address()).await.unwrap(), Units::ZERO, "nobody earns by a doubt");
    assert_eq!(chain.claims.owed(&EthAddress::ZERO).await.unwrap(), terms().bond, "it is burnt");
}

#[tokio::test]
async fn proofs_that_contradict_each_other_freeze_the_rollup_and_free_the_bonds() {
    let chain = Optimistic::start().await;
    let (writer, truth, lie) = (chain.writer(RICH).await, first_batch(), lie());
    chain.step(&writer, Step::Commit { batch: &truth }).await.unwrap();
    chain.step(&writer, Step::Join { bond: terms().bond }).await.unwrap();
    chain.step(&writer, Step::Claim { batch: &truth }).await.unwrap();
    let (one, other) = (chain.proof(&truth), chain.proof(&lie));
    let same = Call::FreezeContradicted { first: (&truth, &one), second: (&truth, &one) };
    assert_eq!(name(writer.call(same).await), "HeadersNotContradicting");
    let unproven = Call::FreezeContradicted { first: (&truth, &one), second: (&lie, &[]) };
    assert_eq!(name(writer.call(unproven).await), "QuorumMissed");
    writer.call(Call::FreezeContradicted { first: (&truth, &one), second: (&lie, &other) }).await.unwrap();
    assert!(chain.claims.is_over().await.unwrap());
    chain.step(&writer, Step::Leave).await.unwrap();
}

#[tokio::test]
async fn a_rollup_takes_no_window_that_could_freeze_it() {
    let node = Node::start();
    let (committee, rules) = (committee(&members()), rules());
    let deployment = deployment(&committee, &rules);
    let long = Terms { window_s: WINDOW_S + 1, ..terms() };
    assert_eq!(name(deploy_optimistic(&node.url, &secret(RICH), &deployment, &long).await), "GraceTooShort");
    let boundless = Terms { window_s: 0, ..terms() };
    assert_eq!(name(deploy_optimistic(&node.url, &secret(RICH), &deployment, &boundless).await), "TermsUnsafe");
    let deployed = deploy(&node.url, &secret(RICH), &deployment).await.unwrap();
    assert!(Claims::of_rollup(&node.url, deployed.rollup).await.unwrap().is_none(), "it believes evidence");
}
