-- SPDX-License-Identifier: MIT
--- The credentials that tccli, Tencent Cloud's command line, keeps: a file of
-- JSON for each profile.
-- @module balance.credentials.tccli_file

local json = require "balance.json"

local _M = {}

-- The keys in a file; or nil and why there are none.
local function read(path, context)
  local text, why = context.read(path)
  if not text then
    return nil, why
  end
  local kept = json.decode(text)
  if not kept then
    return nil, "not JSON"
  end
  local expires = kept.expiresAt -- of `tccli auth login`
  if type(expires) == "number" and expires <= context.now() then
    return nil, "expired"
  end
  return {
    secret_id = kept.secretId,
    secret_key = kept.secretKey,
    token = kept.token,
  }
end

local function given(value)
  return value and value ~= "" and value or nil
end

--- Looks into `~/.tccli/<profile>.credential`. The profile is the option
-- `profile`, or TCCLI_PROFILE, or "default".
-- @tparam table options
-- @tparam table context of `balance.credentials`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn string the file; where the first is nil, with why not
---@param options table
---@param context balance.CredentialContext
---@return balance.CredentialSet?
---@return string
function _M.find(options, context)
  local profile = given(options.profile)
    or given(context.getenv "TCCLI_PROFILE") or "default"
  if profile:find "[/\\%c]" or profile:find("..", 1, true) then
    return nil, "~/.tccli (the profile's name cannot be a file's)"
  end
  local below = ("/.tccli/%s.credential"):format(profile)
  if not context.home then
    return nil, "~" .. below .. " (HOME is not set)"
  end
  local keys, why = read(context.home .. below, context)
  return keys, "~" .. below .. (keys and "" or " (" .. why .. ")")
end

return _M
