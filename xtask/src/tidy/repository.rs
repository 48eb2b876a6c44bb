//! The repository as data, and the one function that reads it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Why the repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo could not describe the workspace.
    #[error("reading the workspace failed; run it inside the repository")]
    Metadata(#[source] cargo_metadata::Error),
    /// Git could not list the files.
    #[error("listing the files with git failed: {0}")]
    Git(String),
    /// A listed file could not be read.
    #[error("reading {path} failed")]
    Read {
        /// The file, from the root of the repository.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A file and its text.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the root of the repository, with forward slashes.
    pub path: String,
    /// Its text; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// When a dependency is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By the crate itself.
    Normal,
    /// By its build script.
    Build,
    /// By its tests.
    Dev,
}

/// One line of a crate's dependencies.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// When it is needed.
    pub kind: Kind,
    /// Where it lies in this repository; `None` for a crate from the registry.
    pub folder: Option<String>,
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// The package's name.
    pub name: String,
    /// Its folder from the root of the repository.
    pub folder: String,
    /// The first file of each of its targets.
    pub roots: Vec<String>,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// The text of its manifest, for line numbers.
    pub manifest: String,
}

/// Everything the rules look at.
#[derive(Debug, Default)]
pub struct Repository {
    /// Every file that git tracks or would track.
    pub files: Vec<File>,
    /// Every crate of the workspace.
    pub members: Vec<Member>,
}

impl Repository {
    /// Reads the repository around the current folder.
    pub fn open() -> Result<Self, Error> {
        let metadata = MetadataCommand::new().no_deps().exec().map_err(Error::Metadata)?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let files =
            list(&root)?.into_iter().filter_map(|path| read(&root, path).transpose()).collect::<Result<Vec<_>, _>>()?;
        let mut repository = Self { files, members: Vec::new() };
        repository.members = members(&metadata, &repository, &root);
        Ok(repository)
    }

    /// The file at a path, if there is one.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl Member {
    /// The crate as ARCHITECTURE.md names it: `layer/name`, or the folder itself outside `crates/`.
    pub fn room(&self) -> &str {
        self.folder.strip_prefix("crates/").unwrap_or(&self.folder)
    }

    /// The layer the crate stands in: `rules` for `crates/rules/state`, nothing outside `crates/`.
    pub fn layer(&self) -> Option<&str> {
        layer(&self.folder)
    }

    /// The file that opens the crate: its library, else its program.
    pub fn front(&self) -> Option<&str> {
        let ends = |end: &str| self.roots.iter().find(|root| **root == format!("{}/src/{end}", self.folder));
        ends("lib.rs").or_else(|| ends("main.rs")).map(String::as_str)
    }

    /// The line of the manifest that names a dependency; the first line when it is not found.
    pub fn line_of(&self, dependency: &str) -> usize {
        let names = |line: &str| {
            line.trim_start().strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        };
        self.manifest.lines().position(names).map_or(1, |index| index + 1)
    }
}

/// The layer of a folder: the part after `crates/`.
pub(super) fn layer(folder: &str) -> Option<&str> {
    folder.strip_prefix("crates/").and_then(|rest| rest.split('/').next())
}

/// Lists tracked files, and new ones that are not ignored: a rule must not wait for the first `git add`.
fn list(root: &Path) -> Result<BTreeSet<String>, Error> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .map_err(|error| Error::Git(error.to_string()))?;
    if !output.status.success() {
        return Err(Error::Git(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Reads one listed file; a file deleted since the last commit, a link or a folder is passed over.
fn read(root: &Path, path: String) -> Result<Option<File>, Error> {
    let place: PathBuf = root.join(&path);
    if !place.symlink_metadata().is_ok_and(|about| about.is_file()) {
        return Ok(None);
    }
    match std::fs::read(&place) {
        Ok(bytes) => Ok(Some(File { path, text: String::from_utf8_lossy(&bytes).into_owned() })),
        Err(source) => Err(Error::Read { path, source }),
    }
}

fn members(metadata: &Metadata, repository: &Repository, root: &Path) -> Vec<Member> {
    let mut members: Vec<_> = metadata.packages.iter().map(|package| member(package, repository, root)).collect();
    members.sort_by(|a, b| a.folder.cmp(&b.folder));
    members
}

fn member(package: &Package, repository: &Repository, root: &Path) -> Member {
    let manifest_path = relative(root, package.manifest_path.as_std_path());
    let folder = manifest_path.trim_end_matches("/Cargo.toml").to_owned();
    let dependency = |line: &cargo_metadata::Dependency| Dependency {
        name: line.name.clone(),
        kind: match line.kind {
            DependencyKind::Development => Kind::Dev,
            DependencyKind::Build => Kind::Build,
            _ => Kind::Normal,
        },
        folder: line.path.as_ref().map(|path| relative(root, path.as_std_path())),
    };
    Member {
        name: package.name.to_string(),
        roots: package.targets.iter().map(|target| relative(root, target.src_path.as_std_path())).collect(),
        dependencies: package.dependencies.iter().map(dependency).collect(),
        manifest: repository.file(&manifest_path).map(|file| file.text.clone()).unwrap_or_default(),
        folder,
    }
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
