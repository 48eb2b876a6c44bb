// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC1155 } from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";

/// @title The halves of tallies, outside the rollup.
/// @notice One id for each half, the half's asset id on the rollup; one unit is one quantum. A half comes into being when
/// its withdrawal is claimed, and ceases to be when it is deposited. Both only by the Vault.
interface IHalves is IERC1155 {
    /// @notice Only the Vault may mint and burn.
    error CallerNotVault(address caller);

    /// @notice Creates halves for a claim. Only for the Vault.
    function mint(address recipient, uint256 id, uint256 amount) external;

    /// @notice Destroys deposited halves. Only for the Vault, which acts for the holder alone.
    function burn(address holder, uint256 id, uint256 amount) external;

    /// @notice Returns who mints and burns.
    function vault() external view returns (address);
}
