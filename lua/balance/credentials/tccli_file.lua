-- SPDX-License-Identifier: MIT
--- The credentials that tccli, Tencent Cloud's command line, keeps: a file of
-- JSON for each profile. It may want a role instead of its own keys.
-- @module balance.credentials.tccli_file

local assumed_role = require "balance.credentials.assumed_role"
local cvm_role = require "balance.credentials.cvm_role"
local environment = require "balance.environment"
local json = require "balance.json"

local _M = {}

-- What is in a file; or nil, why not and where known the failure's fields.
local function read(path, context)
  local text, why, about = context.read(path)
  if not text then
    return nil, why, about
  end
  local kept = json.decode(text)
  if not kept then
    return nil, "not JSON"
  end
  local expires = kept.expiresAt -- of `tccli auth login`; by this clock, for
  if type(expires) == "number" and expires <= context.now() then -- want of one
    return nil, "expired"
  end
  return kept
end

local function given(value)
  return value and value ~= "" and value or nil
end

-- Of the file that tccli would take, the option `profile` or nothing. A profile
-- of the other file that was not found there is not made good by a default.
local function path_of(own, context)
  local profile = own or environment.get("TCCLI_PROFILE", context.getenv)
  local other = environment.get("TENCENTCLOUD_PROFILE", context.getenv)
  if not profile and other and other ~= "default" then
    return nil, "~/.tccli (TENCENTCLOUD_PROFILE names a profile elsewhere)"
  end
  profile = profile or "default"
  if profile:find "[/\\%z\1-\31\127]" or profile:find("..", 1, true) then
    return nil, "~/.tccli (the profile's name cannot be a file's)"
  end
  local below = ("/.tccli/%s.credential"):format(profile)
  if not context.home then
    return nil, "~" .. below .. " (HOME is not set)"
  end
  return context.home .. below, "~" .. below
end

-- Whose keys the machine has, and not the file.
local function machine(name, context)
  local set, why, about = cvm_role.take(nil, context)
  if set then
    return set, name .. ", with the CVM role"
  end
  return nil, ("the CVM role of %s: %s"):format(name, why),
    about or { kind = "config" }
end

--- Looks into `~/.tccli/<profile>.credential`, unless the option
-- `credentials_file` names another file. The profile is the option `profile`,
-- or TCCLI_PROFILE, or "default", but where TENCENTCLOUD_PROFILE names one. A
-- role of the environment goes before the file's, as with tccli, but where an
-- option names the profile.
-- @tparam table options
-- @tparam table context of `balance.credentials`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn ?string the file; where the first is nil, with why not; nil where
-- nobody wanted it
-- @treturn ?table the role to be assumed with them; where the first is nil,
-- the failure's fields, where it ends the search
---@param options table
---@param context balance.CredentialContext
---@return balance.CredentialSet?
---@return string?
---@return table?
function _M.find(options, context)
  if given(options.credentials_file) then
    return nil
  end
  local own = given(options.profile)
  local path, name = path_of(own, context)
  if not path then
    return nil, name
  end
  local kept, why, about = read(path, context)
  if not kept then
    return nil, ("%s (%s)"):format(name, why), about
  end
  local role = not own and assumed_role.of_environment(context)
  if kept.type == "cvm-role" and not role then
    return machine(name, context)
  end
  return {
    secret_id = kept.secretId, secret_key = kept.secretKey, token = kept.token,
  }, name, role
    or assumed_role.role_of(kept["role-arn"], kept["role-session-name"])
end

return _M
