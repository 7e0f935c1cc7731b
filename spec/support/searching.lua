-- SPDX-License-Identifier: MIT
--- Searches for the keys of providers like Tencent's and Udio's, in
-- environments of the spec's own.
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local credentials = require "balance.credentials"
local home = require "support.home"

local _M = {}

local names = {
  { name = "secret_id", variable = "SPEC_ID" },
  { name = "secret_key", variable = "SPEC_KEY" },
  { name = "token", variable = "SPEC_TOKEN", optional = true },
}

_M.plain = { name = "plain", credentials = names }

--- A provider whose keys may be in these places, too.
function _M.with_sources(...)
  return { name = "sourced", credentials = names,
    credential_sources = { ... } }
end

_M.all = _M.with_sources("tencent_file", "tccli_file", "cvm_role")

--- The credentials file of the SDKs, in the home directory.
_M.ini = ".tencentcloud/credentials"
_M.complete_ini = "[default]\nsecret_id = i\nsecret_key = k\n"

--- Searches. `changes` replace fields of the context.
function _M.find(provider, layers, changes)
  local context = {
    loop = blocking,
    now = function() return 1000 end,
    read_file = function(path, most)
      local text, mode = core.read_file(path, most)
      return text, text and 384 or mode
    end,
    getenv = function() end,
    home = home.path,
  }
  for name, value in pairs(changes or {}) do
    context[name] = value
  end
  return credentials.find(provider, layers or {}, context)
end

--- The change of an environment with these variables only.
function _M.environment(variables)
  return { getenv = function(name) return variables[name] end }
end

return _M
