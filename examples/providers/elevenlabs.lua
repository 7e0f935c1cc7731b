-- SPDX-License-Identifier: MIT
-- ElevenLabs, GET /v1/user/subscription: the characters that are left of this
-- period. The key: ELEVENLABS_API_KEY, with the right to read the user.
--
--   local balance = require "balance"
--   balance.register(require "elevenlabs")
--   print(balance.elevenlabs().available)
return {
  name = "elevenlabs",
  unit = "character",
  endpoint = "https://api.elevenlabs.io",
  endpoint_variable = "ELEVENLABS_ENDPOINT",
  credentials = { { name = "api_key", variable = "ELEVENLABS_API_KEY" } },

  request = function(config)
    return { path = "/v1/user/subscription",
      headers = { ["xi-api-key"] = config.api_key } }
  end,

  read = function(status, body)
    if status ~= 200 or not body then
      return nil -- by the status
    end
    return {
      available = body.character_limit - body.character_count,
      available_from = "character_limit - character_count",
      character_limit = body.character_limit,
      character_count = body.character_count, tier = body.tier,
      resets_at = body.next_character_count_reset_unix,
    }
  end,
}
