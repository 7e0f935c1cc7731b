-- SPDX-License-Identifier: MIT
--- The temporary credentials of a machine of Tencent Cloud that has a role:
-- its metadata service gives them to any program on it.
-- @module balance.credentials.cvm_role

local core = require "balance.core"
local json = require "balance.json"
local kept = require "balance.credentials.kept"

local _M = {}

local host = "metadata.tencentyun.com"

--- Where the service is; a spec puts its own there.
_M.endpoint = "http://" .. host

--- How long all of it may take, in seconds: outside of Tencent Cloud there is
-- no answer.
_M.limit = 1

local roles = "/latest/meta-data/cam/security-credentials/"

local max_name = 128 -- bytes of a role's name

-- A role's name goes into a path.
local function is_role(name)
  return #name <= max_name and name:find "^[0-9A-Za-z_][0-9A-Za-z_+=,.@-]*$"
end

-- Plain HTTP, which the transport sends through no proxy. Returns the body and
-- the answer's Date; or nil, why not and the failure's fields.
local function fetch(path, loop, deadline)
  local limit = math.max(deadline - core.now(), 0)
  local transfer, kind, message = core.transport():start {
    endpoint = _M.endpoint, path = path, clear_host = host,
    fresh = true, -- a kept connection may be dead
    timeout = limit, connect_timeout = limit,
  }
  local ok = transfer
  if transfer then
    ok, kind, message = loop.wait(transfer)
  end
  local result = ok and transfer:result() or { kind = kind, message = message }
  local date = ok and transfer:header "date"
  if transfer then
    transfer:close()
  end
  if result.status == 404 then
    return nil, "no such role here"
  elseif result.body and result.status ~= 200 then
    return nil, "HTTP status " .. result.status
  elseif not result.body then
    return nil, result.message, { kind = result.kind }
  end
  return result.body, date
end

local function machines_role(loop, deadline)
  local body, why, about = fetch(roles, loop, deadline)
  if not body then
    return nil, why, about
  end
  local role = body:match "[^ \t-\r]+"
  if not role or not is_role(role) then
    return nil, "the answer names no role"
  end
  return role
end

-- The id, key and token of an answer, and for how long they are good.
local function read(body, date, context)
  local answer = json.decode(body)
  if not answer or answer.Code ~= "Success" then
    return nil, "the answer is no success"
  end
  local set = {
    secret_id = answer.TmpSecretId, secret_key = answer.TmpSecretKey,
    token = answer.Token,
  }
  if not kept.is_complete(set, answer.ExpiredTime) then
    return nil, "the answer is not complete"
  end
  return set, kept.left(answer.ExpiredTime, date, context)
end

local function fetch_keys(role, context, deadline)
  local why, about
  if not role then
    role, why, about = machines_role(context.loop, deadline)
  end
  if not role then
    return nil, why, about
  end
  local body, date
  body, date, about = fetch(roles .. role, context.loop, deadline)
  if not body then
    return nil, date, about
  end
  return read(body, date, context)
end

--- Asks the metadata service, where the option `cvm_role` says so: true for
-- the machine's role, or a role's name.
-- @tparam table options
-- @tparam table context see `balance.credentials.context`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn ?string the place; where the first is nil, with why not; nil where
-- the option is not given
function _M.find(options, context)
  local wanted = options.cvm_role
  if not wanted then
    return nil
  end
  local set, why = _M.take(wanted ~= true and wanted or nil, context)
  if set then
    return set, "the CVM role"
  end
  return nil, ("the CVM role (%s)"):format(why),
    not context.asks and { kind = "config" } or nil -- it counts as found
end

--- The keys of this machine's role, or of the one so named.
-- @tparam ?string role
-- @tparam table context see `balance.credentials.context`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn ?string where it is nil, why
-- @treturn ?table then, where known, the failure's fields
function _M.take(role, context)
  if role and not is_role(role) then
    return nil, "that is no role's name"
  end
  local key = ("cvm_role %s %s"):format(_M.endpoint, role or "")
  return kept.get(key, _M.limit, context, function(deadline)
    return fetch_keys(role, context, deadline)
  end)
end

return _M
