-- SPDX-License-Identifier: MIT
--- Providers of one's own, which ask the fault server.
local answers = require "support.answers"
local balance = require "balance"
local faults = require "support.faults"

local _M = {}

local count = 0

--- A provider with a name of its own; `fields` replace its others. Its path
-- gets the right answer.
function _M.provider(fields)
  count = count + 1
  local made = {
    name = "own" .. count, unit = "credit", endpoint = faults.endpoint(),
    credentials = { { name = "api_key", variable = "OWN_API_KEY" } },
    request = function(config)
      return { path = "/none", authorization = config.api_key }
    end,
    read = function(_, body)
      return { left = body.data.credits, available_from = "left" }
    end,
  }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  return made
end

--- Registers such a provider. Returns its name.
function _M.register(fields)
  local made = _M.provider(fields)
  balance.register(made)
  return made.name
end

local function say() return { path = "/say" } end

--- Calls such a provider; it gets this answer, unless its request() has another
-- path.
function _M.answered(fields, options, body, status, headers)
  faults.choose("say", answers.bytes(body or "{}", status, headers))
  local given, own = { retries = 0 }, { request = say }
  for name, value in pairs(options or {}) do
    given[name] = value
  end
  for name, value in pairs(fields) do
    own[name] = value
  end
  return balance[_M.register(own)](given)
end

return _M
