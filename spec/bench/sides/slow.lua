-- SPDX-License-Identifier: MIT
--- Registers "slow": Udio's credits from the sandbox, so many milliseconds
-- late.
local variant = require "support.variant"

return function(milliseconds)
  variant.register("udio", function(request)
    request.headers["X-Sandbox-Delay"] = tostring(milliseconds)
  end, { name = "slow" })
end
