-- SPDX-License-Identifier: MIT
--- What is left on your accounts: TemPolor, Udio (udioapi.pro) and Tencent
-- Cloud, one call each.
--
-- Every call returns a table with the service's own fields, or nil and a
-- failure; `tostring` of that is one line for a log. It raises only for a
-- mistake in the program: an option that does not exist, or of a wrong type.
-- @module balance

local client = require "balance.client"
local memory = require "balance.store.memory"
local options = require "balance.options"
local redis = require "balance.store.redis"
local tc3 = require "balance.tc3"
local version = require "balance.version"

local providers = client.providers

for _, name in ipairs { "tempolor", "udio", "tencent" } do
  providers[name] = require("balance.provider." .. name)
end

local default = client.new {}

local _M = { _VERSION = version }

--- What every call takes.
---@class balance.Options
---@field endpoint? string|string[] scheme, host, port; of a list, the next where one is not reached
---@field timeout? number of the whole call, seconds (10)
---@field connect_timeout? number seconds (5)
---@field ca_file? string trusted certificates, a PEM file
---@field ca_path? string the same as a directory of hashed names
---@field proxy? string
---@field http2? boolean HTTP/2 where the server speaks it (false)
---@field retries? integer how often to ask again where that can help (2)
---@field rate? number|false requests a second for one key (Tencent: 20)
---@field cache? balance.CacheSettings|false (false)
---@field trace? fun(event: balance.Event) what happens on the way
---@field credentials? fun(): balance.CredentialSet?, string? the current keys

---@class balance.KeyOptions: balance.Options
---@field api_key? string

---@class balance.TencentOptions: balance.Options
---@field secret_id? string
---@field secret_key? string
---@field token? string of temporary keys
---@field temp_credit? boolean ask for the temporary limit too (false)
---@field region? string none is needed
---@field language? string of the service's messages ("en-US")
---@field site? "intl"|"cn" the international or the mainland host ("intl")
---@field profile? string of the credentials files ("default")
---@field credentials_file? string `~/` is HOME (~/.tencentcloud/credentials)
---@field cvm_role? boolean|string keys of this machine's role (false)

---@class balance.Settings
---@field tempolor? balance.KeyOptions
---@field udio? balance.KeyOptions
---@field tencent? balance.TencentOptions
---@field timeout? number
---@field connect_timeout? number
---@field ca_file? string
---@field ca_path? string
---@field proxy? string
---@field http2? boolean
---@field retries? integer
---@field rate? number|false
---@field rate_dict? table an ngx.shared.DICT in which workers share the rate
---@field cache? balance.CacheSettings|false
---@field trace? fun(event: balance.Event)
---@field loop? "blocking"|"nginx"|"cqueues"|"luv"|balance.Loop

---@class balance.Loop
---@field wait fun(transfer: userdata): boolean?, balance.Kind?, string?, string?
---@field sleep fun(seconds: number)
---@field gather fun(functions: function[])

--- What every result has beside the service's own fields.
---@class balance.Result
---@field provider string
---@field available number what can still be spent
---@field available_from string the field that `available` was read from
---@field unit "credit"|"cent"
---@field request_id? string
---@field fetched_at integer Unix time, seconds
---@field raw table the whole answer
---@field unexpected? string[] names of fields that are not as documented
---@field attempts integer how many requests it took
---@field timing balance.Timing of the request that was answered
---@field clock_offset? integer seconds added to this machine's clock
---@field cached? boolean known before; no request was made, or it failed
---@field age? number seconds since the answer, where it was not fresh
---@field stale? boolean older than it should be: a new one was not to be had
---@field refresh_error? balance.Failure why not

---@class balance.TempolorResult: balance.Result
---@field balance number

---@class balance.UdioResult: balance.Result
---@field credits number
---@field used_credits? number

---@class balance.TemporaryAmount
---@field Uin? string
---@field TempAmount? number
---@field StartTime? string
---@field EndTime? string

---@class balance.TencentResult: balance.Result
---@field Balance integer
---@field Uin? integer
---@field RealBalance? number
---@field CashAccountBalance? number
---@field IncomeIntoAccountBalance? number
---@field PresentAccountBalance? number
---@field FreezeAmount? number
---@field OweAmount? number
---@field CreditAmount? number
---@field CreditBalance? number
---@field RealCreditBalance? number
---@field TempCredit? number
---@field TempAmountInfoList? balance.TemporaryAmount[]
---@field IsAllowArrears? boolean
---@field IsCreditLimited? boolean

--- The balance of a TemPolor account ("Query Information").
-- @function tempolor
-- @tparam ?table options `api_key` (TEMPOLOR_API_KEY); `endpoint`, `timeout`
-- (seconds, 10), `connect_timeout` (seconds, 5), `retries` (2), `rate`
-- (requests a second; Tencent: 20), `cache` (false), `trace`, `credentials`,
-- `ca_file`, `ca_path`, `proxy`, `http2` (false)
-- @treturn ?table `balance`; and `available`, `available_from`, `unit`,
-- `provider`, `request_id`, `fetched_at`, `raw`
-- @treturn ?balance.Failure where the first is nil
-- @raise for an unknown option or one of the wrong type
---@type fun(options?: balance.KeyOptions): balance.TempolorResult?, balance.Failure?
_M.tempolor = default.tempolor

--- The credits of a Udio account (udioapi.pro, "Query credits").
-- @function udio
-- @tparam ?table options `api_key` (UDIO_API_KEY); the others as of
-- `tempolor`
-- @treturn ?table `credits`, `used_credits`; the others as of `tempolor`
-- @treturn ?balance.Failure where the first is nil
-- @raise for an unknown option or one of the wrong type
---@type fun(options?: balance.KeyOptions): balance.UdioResult?, balance.Failure?
_M.udio = default.udio

--- The balance of a Tencent Cloud account (DescribeAccountBalance of the
-- billing service, 2018-07-09). Amounts are in cents.
-- @function tencent
-- @tparam ?table options `secret_id` (TENCENTCLOUD_SECRET_ID), `secret_key`
-- (TENCENTCLOUD_SECRET_KEY), `token` (TENCENTCLOUD_TOKEN); `temp_credit`
-- (false), `region` (none), `language` ("en-US"), `site` ("intl" or "cn"),
-- `profile`, `credentials_file`, `cvm_role` (false);
-- the others as of `tempolor`
-- @treturn ?table `Balance`, `RealBalance`, `RealCreditBalance`, ... as the
-- document has them; the others as of `tempolor`
-- @treturn ?balance.Failure where the first is nil
-- @raise for an unknown option or one of the wrong type
---@type fun(options?: balance.TencentOptions): balance.TencentResult?, balance.Failure?
_M.tencent = default.tencent

---@class balance.Account: balance.KeyOptions, balance.TencentOptions
---@field provider? string where the account's name is not the provider's

---@alias balance.Accounts table<string, balance.Account>
---@alias balance.Results table<string, balance.Result>
---@alias balance.Failures table<string, balance.Failure>

--- Many accounts at once, in the time of the slowest.
-- @function all
-- @tparam ?table accounts by names of the caller's: the options of each, with
-- `provider` where the name is not the provider's; without it, every provider
-- whose keys are in the environment
-- @treturn table the results, by the same names
-- @treturn table the failures, by the same names; empty when all is well
-- @raise for an unknown provider or option, or one of the wrong type
---@type fun(accounts?: balance.Accounts): balance.Results, balance.Failures
_M.all = default.all

--- Makes a client with settings of its own and the same methods.
-- @function new
-- @tparam ?table settings `tempolor`, `udio`, `tencent`: the options of that
-- provider; `timeout`, `connect_timeout`, `retries`, `rate`, `cache`, `trace`,
-- `ca_file`, `ca_path`, `proxy`, `http2`: for all of them; `rate_dict`; `loop`:
-- "blocking", "nginx", "cqueues", "luv", or a table of `wait`, `sleep` and
-- `gather` (found by itself, but for luv)
-- @treturn table
-- @raise for an unknown setting or one of the wrong type
---@param settings? balance.Settings
function _M.new(settings)
  local read, mistake = options.read_settings(providers, settings)
  if not read then
    error("balance.new: " .. mistake, 2)
  end
  return client.new(read)
end

local required = {
  name = "string",
  unit = "string",
  credentials = "table",
  request = "function",
  read = "function",
}

--- Adds a provider: `balance.NAME` and the method of that name of every
-- client. The README has a worked one.
-- @function register
-- @tparam table provider `name`, `unit`, `credentials`, `request(config)`,
-- `read(status, body)`; `endpoint` or `default_endpoint(config)`; and where
-- wanted `endpoint_variable`, `options`, `hint(failure, context)`
-- @raise where one of them is missing, or the name is taken
---@param provider table
function _M.register(provider)
  if type(provider) ~= "table" then
    error("balance.register: a provider must be a table", 2)
  end
  for name, expected in pairs(required) do
    if type(provider[name]) ~= expected then
      error(("balance.register: '%s' must be a %s"):format(name, expected), 2)
    end
  end
  if not provider.name:find("^[A-Za-z_][A-Za-z0-9_]*$") then
    error("balance.register: 'name' must be one that Lua can call", 2)
  end
  for _, credential in ipairs(provider.credentials) do
    if type(credential) ~= "table" or type(credential.name) ~= "string" then
      error("balance.register: 'credentials' must hold tables with a name", 2)
    end
  end
  if type(provider.options or {}) ~= "table" then
    error("balance.register: 'options' must be a table", 2)
  end
  for name, types in pairs(provider.options or {}) do
    if not options.is_type(types) then
      error(("balance.register: the type of option '%s' must be of string, "
        .. "number, boolean, table"):format(tostring(name)), 2)
    end
  end
  if type(provider.endpoint) ~= "string"
    and type(provider.default_endpoint) ~= "function" then
    error("balance.register: 'endpoint' must be a string", 2)
  end
  if _M[provider.name] ~= nil or options.is_setting(provider.name) then
    error(("balance.register: '%s' is taken"):format(provider.name), 2)
  end
  providers[provider.name] = provider
  _M[provider.name] = default[provider.name]
end

--- Where a cache keeps what it knows: `memory(options)`, a table of this
-- process, and `redis(client, options)`, for many machines. In nginx an
-- `ngx.shared.DICT` is a store as it is.
_M.store = { memory = memory.new, redis = redis.new }

--- TC3-HMAC-SHA256 for other services of Tencent Cloud; see `balance.tc3`.
_M.tc3 = tc3

return _M
