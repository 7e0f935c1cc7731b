-- SPDX-License-Identifier: MIT
--- One configured client: the way of a call, from its options to its result.
-- @module balance.client

local answer = require "balance.answer"
local core = require "balance.core"
local failure = require "balance.failure"
local hints = require "balance.hints"
local json = require "balance.json"
local loops = require "balance.loop"
local options = require "balance.options"
local version = require "balance.version"

local user_agent = "balance/" .. version

local _M = {}

--- The providers by name; `balance.register` adds one.
_M.providers = {}

local function secrets_of(provider, config)
  local secrets = {}
  for _, credential in ipairs(provider.credentials) do
    secrets[#secrets + 1] = config[credential.name]
  end
  return secrets
end

-- The one place where a failure gets its last shape: no secret leaves here.
local function fail(provider, config, fields)
  local secrets = secrets_of(provider, config)
  fields.provider = provider.name
  fields.message = failure.clean(fields.message, secrets) or "no message"
  fields.request_id = failure.clean(fields.request_id, secrets)
  if type(fields.code) ~= "number" then
    fields.code = failure.clean(fields.code, secrets)
  end
  return nil, failure.new(fields)
end

local function start(provider, config)
  local request = provider.request(config)
  local headers = answer.copy(request.headers or {})
  headers["User-Agent"] = user_agent
  return core.transport():start {
    endpoint = config.endpoint,
    path = request.path,
    body = request.body,
    headers = headers,
    authorization = request.authorization,
    scheme = request.scheme,
    tc3 = request.tc3,
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    timeout = config.timeout,
    connect_timeout = config.connect_timeout,
  }
end

local longest_wait = 86400 -- seconds; who says more means never

local function seconds_to_wait(header, now)
  if not header then
    return nil
  elseif header:find("^%d+$") then
    return math.min(tonumber(header), longest_wait)
  end
  local date = core.date(header)
  return date and math.max(date - now, 0)
end

local function read_refusal(provider, config, transfer, refused)
  local now = os.time()
  local date = transfer:header("date")
  refused.retry_after = seconds_to_wait(transfer:header("retry-after"), now)
  if provider.hint then
    refused.hint = provider.hint(refused, {
      config = config, now = now, date = date and core.date(date),
    })
  end
  return fail(provider, config, refused)
end

local function read(provider, config, transfer, result)
  if result.kind then
    return fail(provider, config, {
      kind = result.kind,
      code = result.code,
      message = result.message,
      status = result.status,
      hint = hints.of(result),
    })
  end
  local body = json.decode(result.body)
  local fields, refused = provider.read(result.status, body)
  local available = fields and fields[fields.available_from]
  if fields and type(available) ~= "number" then
    refused = { kind = "decode", message = "the balance is not a number" }
  end
  if refused or not fields then
    refused = assert(refused, "a provider's read() returned nothing")
    refused.status = result.status
    return read_refusal(provider, config, transfer, refused)
  end
  if fields == body then -- and not a part of itself
    fields = answer.copy(body)
  end
  fields.provider = provider.name
  fields.unit = provider.unit
  fields.available = available
  fields.fetched_at = os.time()
  fields.raw = body
  return fields
end

local function call(provider, settings, given)
  local config, problem = options.resolve(provider, settings, given)
  if not config then
    return fail(provider, {}, { kind = "config", message = problem })
  end
  local loop = loops.choose(settings.loop)
  local transfer
  local ok, kind, message, hint = true, nil, nil, nil
  if loop.ready then
    ok, kind, message, hint = loop.ready()
  end
  if ok then
    transfer, kind, message = start(provider, config)
    ok = transfer
  end
  if ok then
    ok, kind, message = loop.wait(transfer)
  end
  local result, err
  if ok then
    result, err = read(provider, config, transfer, transfer:result())
  else
    result, err = fail(provider, config,
      { kind = kind, message = message, hint = hint })
  end
  if transfer then
    transfer:close()
  end
  if loop.leave then
    loop.leave()
  end
  return result, err
end

-- A method of a client, to be called with a dot or a colon. It checks the
-- options itself, so that a mistake is raised where the caller wrote it.
local function bind(client, provider, settings)
  return function(first, second)
    local given = first
    if first == client then
      given = second
    end
    local mistake = options.mistake(provider, given)
    if mistake then
      error(("balance.%s: %s"):format(provider.name, mistake), 2)
    end
    return call(provider, settings, given or {})
  end
end

-- The same for `all`: it returns two tables, by the caller's names.
local function bind_all(client, settings)
  return function(first, second)
    local accounts = first
    if first == client then
      accounts = second
    end
    local calls, mistake = options.accounts(_M.providers, settings, accounts)
    if not calls then
      error("balance.all: " .. mistake, 2)
    end
    local results, failures, functions = {}, {}, {}
    for i, one in ipairs(calls) do
      functions[i] = function()
        results[one.name], failures[one.name] =
          call(one.provider, settings, one.options)
      end
    end
    loops.choose(settings.loop).gather(functions)
    return results, failures
  end
end

local function copy_settings(settings)
  local copy = {}
  for name, value in pairs(settings) do
    local is_options = type(value) == "table" and name ~= "loop"
    copy[name] = is_options and answer.copy(value) or value
  end
  return copy
end

--- Makes a client with settings of its own. They stay inside: printing or
-- encoding a client shows no key.
-- @tparam ?table settings see `balance.new`
-- @treturn table with a method for each provider
function _M.new(settings)
  settings = copy_settings(settings or {})
  local client = {}
  local methods = { all = bind_all(client, settings) }
  local function index(_, name)
    local provider = _M.providers[name]
    if provider and not methods[name] then
      methods[name] = bind(client, provider, settings)
    end
    return methods[name]
  end
  return setmetatable(client, {
    __index = index,
    __tostring = function() return "balance client" end,
    __metatable = "balance.client",
  })
end

return _M
