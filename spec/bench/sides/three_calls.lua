-- SPDX-License-Identifier: MIT
--- What `balance get` does, by hand: all accounts that have keys, at once.
local results, failures = require("balance").all()
for name, result in pairs(results) do
  print(name, result.available, result.unit)
end
for _, failure in pairs(failures) do
  print(failure)
end
