//! A process that is killed in the middle of its work: this test binary, started again as a child.

use super::*;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where the child finds its file. Its name alone makes the child different from an ordinary test run.
const CHILD_FILE: &str = "TALEA_STORE_CRASH_FILE";
const KILLS: u32 = 10;
/// How many blocks a child may store at most, should nobody kill it.
const CHILD_BLOCKS: u32 = 10_000;

/// Returns a number below `bound` that is another one at every call and in every run.
fn chance(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}

/// The child's work. As an ordinary test it does nothing.
#[test]
fn child_stores_blocks_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_FILE) else {
        return;
    };
    let mut node = Node::start(Path::new(&path));
    for _ in 0..CHILD_BLOCKS {
        // Long blocks change many leaves, so that a kill often falls within a write.
        let first = node.inbox_count();
        let entries = (first..first + 32).map(|index| deposit(index, crypto::account::owned_by(&index), 5));
        let header = node.commit(entries.collect()).block.header;
        println!("stored {}", header.height);
    }
}

fn child(path: &Path) -> Child {
    let name = "tests::crash::child_stores_blocks_until_it_is_killed";
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD_FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_leaves_a_whole_chain() {
    let folder = Folder::new();
    let mut before = 0;
    for kill in 1..=KILLS {
        let mut child = child(&folder.file());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let heights = |line: String| line.strip_prefix("stored ").and_then(|height| height.parse::<u64>().ok());
        let told = lines.by_ref().filter_map(heights).nth(usize::try_from(chance(12)).unwrap()).unwrap();
        let (start, wait) = (Instant::now(), Duration::from_micros(chance(20_000)));
        while start.elapsed() < wait {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let told = lines.filter_map(heights).last().unwrap_or(told);

        let head = folder.node().check_whole();
        assert!(told > before, "kill {kill}: the child went on from {before} and told of {told}");
        assert!(head >= told, "kill {kill}: the child told of block {told} and the file ends at {head}");
        before = head;
    }
}
