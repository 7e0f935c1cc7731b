-- SPDX-License-Identifier: MIT
--- A script as it stands in a crontab.
print(assert(require("balance").udio()).available)
