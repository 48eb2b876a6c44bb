//! Runs every rule on this repository.

use xtask::tidy::{self, Repository};

#[test]
fn the_repository_is_tidy() {
    let repository = Repository::open().expect("the test runs inside the repository");
    let report = tidy::check(&repository);
    assert!(report.findings.is_empty(), "\n{report}");
}
