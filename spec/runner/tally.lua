-- SPDX-License-Identifier: MIT
--
-- busted's usual output, and beside it the count of the run in the file that
-- `-Xoutput FILE` names: passed, failed (errors too), skipped. ./specs reads
-- it: busted's own last line is translated, may be followed by pages of
-- failures, and is missing after a crash.
local isatty = require("term").isatty

return function(options)
  local name = isatty(io.stdout) and "utfTerminal" or "plainTerminal"
  local handler = require("busted.outputHandlers." .. name)(options)
  local busted = require("busted")
  local passed, failed, skipped = 0, 0, 0

  -- The handler starts its counters anew for each --repeat.
  busted.subscribe({ "suite", "end" }, function()
    passed = passed + handler.successesCount
    failed = failed + handler.failuresCount + handler.errorsCount
    skipped = skipped + handler.pendingsCount
    local file = assert(io.open(options.arguments[1], "w"))
    file:write(passed, " ", failed, " ", skipped, "\n")
    file:close()
    return nil, true
  end)

  return handler
end
