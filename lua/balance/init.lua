-- SPDX-License-Identifier: MIT
--- What is left on your accounts: TemPolor, Udio (udioapi.pro) and Tencent
-- Cloud, one call each.
--
-- Every call returns a table with the service's own fields, or nil and a
-- failure; `tostring` of that is one line for a log. It raises only for a
-- mistake in the program: an option that does not exist, or of a wrong type.
-- @module balance

local answer = require "balance.answer"
local client = require "balance.client"
local memory = require "balance.store.memory"
local options = require "balance.options"
local providers = require "balance.providers"
local redis = require "balance.store.redis"
local tc3 = require "balance.tc3"
local version = require "balance.version"

local default = client.new {}

local _M = { _VERSION = version }

--- The balance of a TemPolor account ("Query Information").
-- @function tempolor
-- @tparam ?balance.KeyOptions options see `balance.types`; without `api_key`
-- it is TEMPOLOR_API_KEY of the environment
-- @treturn ?balance.TempolorResult
-- @treturn ?balance.Failure where the first is nil
-- @raise for an unknown option or one of the wrong type
_M.tempolor = default.tempolor

--- The credits of a Udio account (udioapi.pro, "Query credits").
-- @function udio
-- @tparam ?balance.KeyOptions options see `balance.types`; without `api_key`
-- it is UDIO_API_KEY of the environment
-- @treturn ?balance.UdioResult
-- @treturn ?balance.Failure where the first is nil
-- @raise for an unknown option or one of the wrong type
_M.udio = default.udio

--- The balance of a Tencent Cloud account (DescribeAccountBalance of the
-- billing service, 2018-07-09). Amounts are in cents.
-- @function tencent
-- @tparam ?balance.TencentOptions options see `balance.types`; without keys
-- they are TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY of the
-- environment, or come from a file or a role
-- @treturn ?balance.TencentResult
-- @treturn ?balance.Failure where the first is nil
-- @raise for an unknown option or one of the wrong type
_M.tencent = default.tencent

--- Many accounts at once, in the time of the slowest.
-- @function all
-- @tparam ?{[string]=balance.Account} accounts by names of the caller's: the
-- options of each, with `provider` where the name is not the provider's;
-- without it, every provider whose keys are in the environment
-- @treturn {[string]=balance.Result} by the same names
-- @treturn {[string]=balance.Failure} by the same names; empty if all is well
-- @raise for an unknown provider or option, or one of the wrong type
_M.all = default.all

--- Makes a client with settings of its own and the methods `tempolor`, `udio`,
-- `tencent` and `all`.
-- @function new
-- @tparam ?balance.Settings settings
-- @treturn balance.Client
-- @raise for an unknown setting or one of the wrong type
function _M.new(settings)
  local read, mistake = options.read_settings(providers.known, settings)
  if not read then
    error("balance.new: " .. mistake, 2)
  end
  return client.new(read)
end

--- Adds a provider: `balance.NAME` and the method of that name of every
-- client. The README has a worked one.
-- @function register
-- @tparam balance.Provider provider it is copied
-- @raise for a field that is missing, unknown or of the wrong type, or a name
-- that is taken
function _M.register(provider)
  local read, mistake = providers.read(provider, _M)
  if not read then
    error("balance.register: " .. mistake, 2)
  end
  providers.known[read.name] = read
  _M[read.name] = default[read.name]
end

--- The providers that can be called, sorted by name.
-- @function providers
-- @treturn {balance.KnownProvider,...} new tables
_M.providers = providers.list

--- Reads an amount, for a provider's `read`: a number, or a plain decimal
-- number as text, in whatever locale.
-- @function amount
-- @param value
-- @treturn ?number an integer where it is whole and Lua has integers; nil
-- where it is neither, or not finite
_M.amount = answer.number

--- Where a cache keeps its answers, and a monitor its histories:
-- `memory(options)`, a table of this process; `redis(client, options)`, for
-- many machines; and `sqlite(path, options)`, a file, which is loaded when it is
-- first asked for. In nginx an `ngx.shared.DICT` is a store as it is.
_M.store = setmetatable({ memory = memory.new, redis = redis.new }, {
  __index = function(stores, name)
    if name == "sqlite" then
      stores.sqlite = require("balance.store.sqlite").new
      return stores.sqlite
    end
  end,
})

--- TC3-HMAC-SHA256 for other services of Tencent Cloud; see `balance.tc3`.
_M.tc3 = tc3

return _M
