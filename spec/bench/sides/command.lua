-- SPDX-License-Identifier: MIT
--- The command, as its installed script.
require("balance.command").main(arg)
