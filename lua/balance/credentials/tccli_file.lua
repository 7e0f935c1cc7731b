-- SPDX-License-Identifier: MIT
--- The credentials of tccli, Tencent Cloud's command line: a file of JSON for
-- each profile, which may name a role that is to be assumed.
-- @module balance.credentials.tccli_file

local assumed_role = require "balance.credentials.assumed_role"
local cvm_role = require "balance.credentials.cvm_role"
local environment = require "balance.environment"
local json = require "balance.json"
local text = require "balance.text"

local _M = {}

-- What is in a file; or nil, why not and where known the failure's fields.
local function read(path, context)
  local content, why, about = context.read(path)
  if not content then
    return nil, why, about
  end
  local file = json.decode(content)
  if not file then
    return nil, "not JSON"
  end
  local expires = file.expiresAt -- of `tccli auth login`
  if type(expires) == "number" and expires <= context.now() then
    return nil, "expired"
  end
  return file
end

-- The file that tccli would take, by its path and the name that messages have
-- for it; or nil and why there is none. A profile that TENCENTCLOUD_PROFILE
-- names is another file's: then the default one is not for this call.
local function path_of(profile, context)
  profile = profile or environment.get("TCCLI_PROFILE", context.getenv)
  local other = environment.get("TENCENTCLOUD_PROFILE", context.getenv)
  if not profile and other and other ~= "default" then
    return nil, "~/.tccli (TENCENTCLOUD_PROFILE names a profile elsewhere)"
  end
  profile = profile or "default"
  if profile:find "[/\\%z\1-\31\127]" or profile:find("..", 1, true) then
    return nil, "~/.tccli (the profile's name cannot be a file's)"
  end
  local path = ("/.tccli/%s.credential"):format(profile)
  if not context.home then
    return nil, "~" .. path .. " (HOME is not set)"
  end
  return context.home .. path, "~" .. path
end

-- The credentials of the machine's role, which the file asks for.
local function of_machine(name, context)
  local set, why, about = cvm_role.take(nil, context)
  if set then
    return set, name .. ", with the CVM role"
  end
  return nil, ("the CVM role of %s: %s"):format(name, why),
    about or { kind = "config" }
end

--- Looks into `~/.tccli/<profile>.credential`, unless the option
-- `credentials_file` names another file. The profile is the option `profile`,
-- or TCCLI_PROFILE, or "default"; none where only TENCENTCLOUD_PROFILE names
-- one. A role of the environment goes before the file's, as with tccli, unless
-- an option names the profile.
-- @tparam table options
-- @tparam table context see `balance.credentials.context`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn ?string the file; where the first is nil, with why not; nil where
-- the options ask for another source
-- @treturn ?table the role to be assumed with them; where the first is nil,
-- the failure's fields, where it ends the search
function _M.find(options, context)
  if text.non_empty(options.credentials_file) then
    return nil
  end
  local profile = text.non_empty(options.profile)
  local path, name = path_of(profile, context)
  if not path then
    return nil, name
  end
  local file, why, about = read(path, context)
  if not file then
    return nil, ("%s (%s)"):format(name, why), about
  end
  local role = not profile and assumed_role.of_environment(context)
  if file.type == "cvm-role" and not role then
    return of_machine(name, context)
  end
  return {
    secret_id = file.secretId, secret_key = file.secretKey, token = file.token,
  }, name, role
    or assumed_role.role_of(file["role-arn"], file["role-session-name"])
end

return _M
