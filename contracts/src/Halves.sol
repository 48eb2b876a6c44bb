// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ERC1155 } from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

import { IHalves } from "./interfaces/IHalves.sol";

/// @title The halves of tallies, outside the rollup.
/// @dev See IHalves.
contract Halves is IHalves, ERC1155 {
    /// @inheritdoc IHalves
    address public immutable vault;

    /// @dev The vault deploys its halves, and nobody else can mint.
    constructor() ERC1155("") {
        vault = msg.sender;
    }

    modifier onlyVault() {
        if (msg.sender != vault) revert CallerNotVault(msg.sender);
        _;
    }

    /// @inheritdoc IHalves
    function mint(address recipient, uint256 id, uint256 amount) external onlyVault {
        _mint(recipient, id, amount, "");
    }

    /// @inheritdoc IHalves
    function burn(address holder, uint256 id, uint256 amount) external onlyVault {
        _burn(holder, id, amount);
    }
}
