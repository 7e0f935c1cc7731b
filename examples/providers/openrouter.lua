-- SPDX-License-Identifier: MIT
-- OpenRouter, GET /api/v1/credits. It wants a management key, in
-- OPENROUTER_API_KEY: a key for models is refused, or sees 0 and 0.
--
--   local balance = require "balance"
--   balance.register(require "openrouter")
--   print(balance.openrouter().available)
local function wrong_key(message)
  return { kind = "auth", message = message,
    hint = "make a management key: openrouter.ai/settings/management-keys" }
end

return {
  name = "openrouter",
  unit = "USD",
  endpoint = "https://openrouter.ai",
  endpoint_variable = "OPENROUTER_ENDPOINT",
  credentials = { { name = "api_key", variable = "OPENROUTER_API_KEY" } },

  request = function(config)
    return { path = "/api/v1/credits", scheme = "Bearer",
      authorization = config.api_key }
  end,

  read = function(status, body)
    local data = body and body.data
    if status == 403 and body and body.error then
      return nil, wrong_key(body.error.message)
    elseif status ~= 200 or not data then
      return nil -- by the status
    elseif data.total_credits == 0 and data.total_usage == 0 then
      return nil, wrong_key "0 bought and 0 used: the wrong sort of key"
    end
    return {
      available = data.total_credits - data.total_usage,
      available_from = "total_credits - total_usage",
      total_credits = data.total_credits, total_usage = data.total_usage,
    }
  end,
}
