// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title DEV CHAINS ONLY: a worthless token that ANYBODY MAY MINT without limit.
/// @notice Never deploy it on a chain with real value, and never register it in a Vault there: whoever mints can deposit.
contract TestToken is ERC20("Talea Test Dollar", "TTD") {
    /// @notice Creates tokens out of nothing, for anybody who asks. DEV CHAINS ONLY.
    function mint(address recipient, uint256 amount) external {
        _mint(recipient, amount);
    }

    /// @notice Returns 6, as the dollar tokens it stands in for have.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
