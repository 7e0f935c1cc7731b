-- SPDX-License-Identifier: MIT
--- The credentials file of Tencent Cloud's SDKs: a section for each profile,
-- with `secret_id`, `secret_key` and where wanted `token`, or `role_arn` and
-- `role_session_name`, a role to be assumed with them.
-- @module balance.credentials.tencent_file

local assumed_role = require "balance.credentials.assumed_role"
local environment = require "balance.environment"
local text = require "balance.text"

local _M = {}

-- The settings that are asked for. Everything else may hold anything.
local wanted = {
  secret_id = true, secret_key = true, token = true,
  role_arn = true, role_session_name = true,
}

-- The quotes around a value are not a part of it; nil where one is missing.
local function unquote(value)
  if value:find "^[\"']" then
    return value:match '^"(.*)"$' or value:match "^'(.*)'$"
  end
  return value
end

-- Reads a line of the section that is asked for into it. Returns whether it
-- may stand there, and how its value may go on, where nobody asked for it.
local function read_line(section, line)
  local name, value = line:match "^([^=:]+)[=:](.*)$"
  if not name or name:find "^%[" then
    return false
  end
  name = text.lower(text.trim(name))
  if not wanted[name] then
    return name ~= "", line:find "\\$" and "next line" or "indented"
  end
  section[name] = unquote(text.trim(value))
  return section[name] ~= nil
end

-- The lines by their numbers, without comments and the space around them; and
-- whether there was some before it.
local function lines(whole)
  local number = 0
  local next_line = (whole .. "\n"):gmatch "([^\n]*)\n"
  return function()
    local line = next_line()
    if line then
      number = number + 1
      local bare = text.trim(((" " .. line):gsub("[ \t][#;].*$", "")))
      return number, bare, line:find "^[ \t]"
    end
  end
end

-- The settings of a profile; nil where it has no section; or nil and the
-- number of a line in it that is none.
local function parse(whole, profile)
  local section, is_inside, goes_on = nil, false, nil
  whole = whole:gsub("^\239\187\191", "") -- a byte order mark
  for number, line, is_indented in lines(whole) do
    local name = line:match "^%[(.*)%]$"
    if name then
      is_inside, goes_on = text.trim(name) == profile, nil
      section = section or is_inside and {} or nil
    elseif is_inside and line ~= "" then
      local fits, how = read_line(section, line)
      if not fits and not (goes_on == "next line"
        or goes_on == "indented" and is_indented) then
        return nil, number
      end
      if fits then
        goes_on = how
      elseif goes_on == "next line" and not line:find "\\$" then
        goes_on = nil
      end
    end
  end
  return section
end

-- The settings of a profile in a file; or nil, why there are none and where
-- known the failure's fields.
local function read(path, profile, context)
  local content, why, about = context.read(path)
  if not content then
    return nil, why, about
  end
  local section, number = parse(content, profile)
  if number then
    return nil, ("line %d is no setting"):format(number)
  elseif not section then
    return nil, "no such profile"
  end
  for _, name in ipairs { "secret_id", "secret_key" } do
    if not section[name] or section[name] == "" then
      return nil, "no " .. name
    end
  end
  return section
end

local function given(value)
  return value and value ~= "" and value or nil
end

-- A file that somebody has named, as { name, path, shown }: what is tried is
-- shown where it is not good. `~/` is the home directory.
local function named(name, path, context)
  if path:find "^~/" then
    path = context.home and context.home .. path:sub(2)
  end
  return { { name, path, path } }
end

-- The files in their order, each { name, path }.
local function files(own, context)
  local variable =
    environment.get("TENCENTCLOUD_CREDENTIALS_FILE", context.getenv)
  if own then
    return named("the file of option 'credentials_file'", own, context)
  elseif variable then
    return named("the file of TENCENTCLOUD_CREDENTIALS_FILE", variable,
      context)
  end
  local below = "/.tencentcloud/credentials"
  return {
    { "~" .. below, context.home and context.home .. below },
    { "/etc/tencentcloud/credentials", "/etc/tencentcloud/credentials" },
  }
end

--- Looks into the file of the option `credentials_file` or of
-- TENCENTCLOUD_CREDENTIALS_FILE; where there is neither, into the user's, then
-- into the machine's. The profile is the option `profile`, or
-- TENCENTCLOUD_PROFILE, or "default". A role of the environment goes before
-- the file's, but where an option names the file or the profile.
-- @tparam table options
-- @tparam table context of `balance.credentials`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn string the file; where the first is nil, each one and why not
-- @treturn ?table the role to be assumed with them; where the first is nil,
-- the failure's fields, where it ends the search
---@param options table
---@param context balance.CredentialContext
---@return balance.CredentialSet?
---@return string
---@return table?
function _M.find(options, context)
  local own_file, own_profile =
    given(options.credentials_file), given(options.profile)
  local profile = own_profile
    or environment.get("TENCENTCLOUD_PROFILE", context.getenv) or "default"
  local looked = {}
  for _, file in ipairs(files(own_file, context)) do
    local name, path, shown = file[1], file[2], file[3]
    local keys, why, about = nil, "HOME is not set", nil
    if path then
      keys, why, about = read(path, profile, context)
    end
    if keys then
      local role = not own_file and not own_profile
        and assumed_role.of_environment(context)
      return keys, name,
        role or assumed_role.role_of(keys.role_arn, keys.role_session_name)
    end
    why = shown and ("%s: %s"):format(shown, why) or why
    looked[#looked + 1] = ("%s (%s)"):format(name, why)
    if about then
      return nil, looked[#looked], about
    end
  end
  return nil, table.concat(looked, ", ")
end

return _M
