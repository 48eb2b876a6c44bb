//! The contracts as their compiler describes them. `contracts/tools/artifacts.js` writes the files.

#![allow(missing_docs, clippy::all, clippy::as_conversions, clippy::unwrap_used, reason = "generated from the ABI")]

alloy::sol!(Committee, "abi/Committee.json");
alloy::sol!(Exits, "abi/Exits.json");
alloy::sol!(Halves, "abi/Halves.json");
alloy::sol!(Rollup, "abi/Rollup.json");
alloy::sol!(TestToken, "abi/TestToken.json");
alloy::sol!(Vault, "abi/Vault.json");

/// Apart from the others, because its description repeats types of the rollup.
pub mod contested {
    alloy::sol!(Claims, "abi/Claims.json");
}

/// Apart from the others, because its description repeats types of the rollup and the Vault.
pub mod proven {
    alloy::sol!(QueryVerifier, "abi/QueryVerifier.json");
    alloy::sol!(StatementVerifier, "abi/StatementVerifier.json");
    alloy::sol!(ValidityVerifier, "abi/ValidityVerifier.json");
}
