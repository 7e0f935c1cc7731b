-- SPDX-License-Identifier: MIT
--- The temporary credentials of the role that a machine of Tencent Cloud has:
-- its metadata service gives them to whoever asks from there. They are kept
-- until shortly before they expire.
-- @module balance.credentials.cvm_role

local core = require "balance.core"
local flight = require "balance.flight"
local json = require "balance.json"

local _M = {}

--- Where the service is; a spec puts its own there.
_M.endpoint = "http://metadata.tencentyun.com"

--- How long all of it may take, seconds: elsewhere nobody answers.
_M.limit = 1

local roles = "/latest/meta-data/cam/security-credentials/"

-- Renewed when so little is left, and tried again only after a while as long
-- as the old ones are good.
local early, pause = 300, 5 -- seconds

-- By endpoint and role: { set, expires, tried }, Unix seconds.
local kept = {}

-- Fit for a path, too.
local function is_role(name)
  return name:find "^[%w_][%w_+=,.@-]*$" ~= nil
end

-- Plain HTTP, which the transport sends through no proxy.
local function fetch(path, loop, deadline)
  local left = deadline - core.now()
  if left <= 0 then
    return nil, "no answer in time"
  end
  local transfer, _, message = core.transport():start {
    endpoint = _M.endpoint,
    path = path,
    timeout = left,
    connect_timeout = left,
  }
  if not transfer then
    return nil, message
  end
  local ok
  ok, _, message = loop.wait(transfer)
  local result = ok and transfer:result() or { message = message }
  transfer:close()
  if result.status == 404 then
    return nil, "no such role here"
  elseif result.body and result.status ~= 200 then
    return nil, "HTTP status " .. result.status
  end
  return result.body, result.message
end

local function the_only_role(loop, deadline)
  local body, why = fetch(roles, loop, deadline)
  if not body then
    return nil, why
  end
  local role = body:match "%S+"
  if not role or not is_role(role) then
    return nil, "the answer names no role"
  end
  return role
end

local function is_text(value)
  return type(value) == "string" and value:find "^[^%s%c]+$"
end

-- An id, a key and a token of one answer, and when they expire.
local function read(body)
  local answer = json.decode(body)
  if not answer or answer.Code ~= "Success" then
    return nil, "the answer is no success"
  end
  local id, key, token =
    answer.TmpSecretId, answer.TmpSecretKey, answer.Token
  local expires = answer.ExpiredTime
  if not (is_text(id) and is_text(key) and is_text(token)
    and type(expires) == "number") then
    return nil, "the answer is not complete"
  end
  return {
    set = { secret_id = id, secret_key = key, token = token },
    expires = expires,
  }
end

local function fetch_keys(role, loop, deadline)
  local body, why
  if not role then
    role, why = the_only_role(loop, deadline)
  end
  if role then
    body, why = fetch(roles .. role, loop, deadline)
  end
  if not body then
    return nil, why
  end
  return read(body)
end

local function renew(key, role, context, deadline)
  local entry, why = fetch_keys(role, context.loop, deadline)
  local old, now = kept[key], context.now()
  if not entry and old and old.expires > now then
    entry = old
  elseif not entry then
    return nil, why
  end
  entry.tried = now
  kept[key] = entry
  return entry
end

local function is_due(entry, now, refused)
  local is_old = entry.expires - now <= early or entry.set.token == refused
  return entry.expires <= now
    or is_old and math.abs(now - entry.tried) >= pause -- a clock may go back
end

--- Asks the metadata service, where the option `cvm_role` says so: true for
-- the machine's role, or a role's name.
-- @tparam table options
-- @tparam table context of `balance.credentials`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn ?string the place; where the first is nil, with why not; nil where
-- nobody wanted it
---@param options table
---@param context balance.CredentialContext
---@return balance.CredentialSet?
---@return string?
function _M.find(options, context)
  local wanted = options.cvm_role
  if not wanted then
    return nil
  end
  local role = wanted ~= true and wanted or nil
  if role and not is_role(role) then
    return nil, "the CVM role (that is no role's name)"
  end
  local key = ("cvm_role %s %s"):format(_M.endpoint, role or "")
  local entry, why = kept[key], nil
  if not entry or is_due(entry, context.now(), context.refused) then
    local deadline = core.now() + _M.limit
    entry, why = flight.run(key, context.loop, _M.limit, function()
      return renew(key, role, context, deadline)
    end)
  end
  if not entry then
    return nil, ("the CVM role (%s)"):format(why)
  end
  return entry.set, "the CVM role"
end

return _M
