-- SPDX-License-Identifier: MIT
--- The temporary credentials of a role: the action AssumeRole of Tencent
-- Cloud's service sts, 2018-08-13, signed with keys that may assume the role.
-- @module balance.credentials.assumed_role
-- @see https://www.tencentcloud.com/document/api/1150/49452

local clock = require "balance.clock"
local core = require "balance.core"
local environment = require "balance.environment"
local failure = require "balance.failure"
local json = require "balance.json"
local kept = require "balance.credentials.kept"
local odd = require "balance.credentials.odd"
local refusal = require "balance.provider.tencent_refusal"
local text = require "balance.text"
local version = require "balance.version"

local _M = {}

--- How long all of it may take, in seconds.
_M.limit = 5

local names = {
  { name = "secret_id" }, { name = "secret_key" }, { name = "token" },
}

local endpoints = {
  intl = "https://sts.intl.tencentcloudapi.com",
  cn = "https://sts.tencentcloudapi.com",
}

local duration = 7200 -- seconds, the service's own default
local default_session = "balance"

-- Seconds that are added to this machine's clock, for all roles.
local clock_offset = 0

-- Nil for an empty text, too.
local function trimmed(value)
  if type(value) == "string" then
    value = text.trim(value)
  end
  if value ~= "" then
    return value
  end
end

--- A role that a place names. `take` checks it.
-- @param arn of any type
-- @param session its session's name, of any type
-- @treturn ?table `arn`, `session`; nil where no role is named
function _M.role_of(arn, session)
  arn, session = trimmed(arn), trimmed(session)
  if session == nil then
    session = default_session
  end
  return arn ~= nil and { arn = arn, session = session } or nil
end

--- The role that the environment names.
-- @tparam table context see `balance.credentials.context`
-- @treturn ?table as of `role_of`
function _M.of_environment(context)
  return _M.role_of(environment.get("TENCENTCLOUD_ROLE_ARN", context.getenv),
    environment.get("TENCENTCLOUD_ROLE_SESSION_NAME", context.getenv))
end

-- Both texts go into JSON as they are, and the ARN into messages.
local function mistake_in(role)
  if type(role.arn) ~= "string" or #role.arn > 256
    or role.arn:find '[^!-~]' or role.arn:find '["\\]' then
    return "the role's ARN is none"
  elseif type(role.session) ~= "string" or #role.session < 2
    or #role.session > 128
    or not role.session:find "^[0-9A-Za-z_+=,.@-]+$" then
    return "the name of the role's session has other than 2 to 128 letters,"
      .. " digits and _+=,.@-"
  end
end

local function start(request, offset, limit)
  local base, config = request.base, request.config
  local transfer, kind, message = core.transport():start {
    endpoint = request.endpoint,
    path = "/",
    body = ('{"RoleArn":"%s","RoleSessionName":"%s","DurationSeconds":%d}')
      :format(request.role.arn, request.role.session, duration),
    user_agent = "balance/" .. version,
    headers = { ["X-TC-Language"] = config.language or "en-US" },
    tc3 = {
      secret_id = base.secret_id,
      secret_key = base.secret_key,
      token = base.token,
      service = "sts",
      action = "AssumeRole",
      version = "2018-08-13",
      region = "ap-guangzhou", -- one must be named; both sites have this one
      timestamp = os.time() + offset,
    },
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    fresh = true, -- a kept connection may be dead
    timeout = limit,
    connect_timeout = math.min(limit, config.connect_timeout or limit),
  }
  if kind == "config" then
    message = message:gsub("^endpoint", "TENCENT_STS_ENDPOINT")
  end
  return transfer, kind, message
end

-- The service's response; or nil and the failure's fields.
local function read(result)
  if result.kind then
    return nil, {
      kind = result.kind, code = result.code, message = result.message,
      status = result.status, hint = result.hint,
    }
  end
  local response, about =
    refusal.open(result.status, (json.decode(result.body)))
  if response then
    return response
  end
  about.status = result.status
  return nil, about
end

local function hint(about, request, date)
  if about.kind ~= "auth" then
    return about.hint
  elseif tostring(about.code):find "^UnauthorizedOperation" then
    return "the key needs the CAM action sts:AssumeRole"
  end
  return odd.hint(names, request.base)
    or refusal.hint(about, { now = os.time(), date = date })
end

local function secrets_of(base, transfer)
  local secrets = { base.secret_id, base.secret_key, base.token }
  secrets[#secrets + 1] = transfer -- for the signature of its request
  return secrets
end

-- One request. Returns the response and its Date; or nil, the failure's fields
-- and, over TLS, by how many seconds the service's clock is ahead.
local function ask(offset, request, deadline)
  local transfer, kind, message = start(request, offset,
    math.max(deadline - core.now(), 0))
  local ok = transfer
  if transfer then
    ok, kind, message = request.loop.wait(transfer)
  end
  local result = ok and transfer:result() or { kind = kind, message = message }
  local date = ok and transfer:header "date"
  local response, about = read(result)
  if about then
    failure.clean_fields(about, secrets_of(request.base, transfer))
  end
  if transfer then
    transfer:close()
  end
  if response then
    return { response = response, date = date }
  end
  local seconds = date and core.date(date)
  about.hint = hint(about, request, seconds)
  local is_tls = text.lower(request.endpoint):find "^https://"
  return nil, about, is_tls and seconds and seconds - os.time() or nil
end

local function fetch(request, context, deadline)
  local used = clock_offset
  local answered, about, ahead = ask(used, request, deadline)
  local offset = about
    and clock.correction(about, refusal.is_clock_refused, ahead, used)
  if offset then
    clock_offset = offset
    answered, about = ask(offset, request, deadline)
  end
  if not answered then
    return nil, about.message, about
  end
  local response = answered.response
  local keys = response.Credentials
  local set = type(keys) == "table" and {
    secret_id = keys.TmpSecretId, secret_key = keys.TmpSecretKey,
    token = keys.Token,
  } or {}
  if not kept.is_complete(set, response.ExpiredTime) then
    return nil, "the answer has no complete keys", { kind = "decode" }
  end
  return set, kept.left(response.ExpiredTime, answered.date, context)
end

local function key_of(request)
  local base, role = request.base, request.role
  return core.digest("assumed role\n", request.endpoint, "\n", role.arn, "\n",
    role.session, "\n", base.secret_id, "\n", base.secret_key, "\n",
    base.token or "")
end

--- Assumes a role. Where that fails, the search for credentials ends: the keys
-- that asked may be another account's than the role's.
-- @tparam table base `secret_id`, `secret_key`, `token`
-- @tparam string place that they are from
-- @tparam table role of `role_of` or `of_environment`
-- @tparam table context see `balance.credentials.context`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn string the place; where the first is nil, why
-- @treturn ?table then, the failure's fields
function _M.take(base, place, role, context)
  local mistake = mistake_in(role)
  if mistake then
    return nil, ("%s: %s"):format(place, mistake), { kind = "config" }
  end
  local config = context.config
  local request = {
    base = base, role = role, config = config, loop = context.loop,
    endpoint = environment.get("TENCENT_STS_ENDPOINT", context.getenv)
      or endpoints[config.site] or endpoints.intl,
  }
  local key, lack, message = key_of(request)
  if not key then
    return nil, message, { kind = lack }
  end
  local set, why, about = kept.get(key, _M.limit, context,
    function(deadline) return fetch(request, context, deadline) end)
  if set then
    return set, place .. ", with the role " .. role.arn
  end
  return nil, ("the role %s of %s cannot be assumed: %s"):format(role.arn,
    place, why or "no message"), about or { kind = "config" }
end

return _M
