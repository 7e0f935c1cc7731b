-- SPDX-License-Identifier: MIT
--- Registers "slow": Udio's credits from the sandbox, so many milliseconds
-- late.
local balance = require "balance"
local udio = require "balance.provider.udio"

return function(milliseconds)
  local slow = {}
  for name, value in pairs(udio) do
    slow[name] = value
  end
  slow.name = "slow"
  function slow.request(config)
    local request = udio.request(config)
    request.headers = { ["X-Sandbox-Delay"] = tostring(milliseconds) }
    return request
  end
  balance.register(slow)
end
