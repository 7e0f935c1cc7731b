-- SPDX-License-Identifier: MIT
--- The credentials file of Tencent Cloud's SDKs: a section for each profile,
-- with `secret_id`, `secret_key` and maybe `token`, and maybe a role that is
-- to be assumed with them: `role_arn` and `role_session_name`.
-- @module balance.credentials.tencent_file

local assumed_role = require "balance.credentials.assumed_role"
local environment = require "balance.environment"
local text = require "balance.text"

local _M = {}

-- The settings that are used. Any other line may hold anything.
local known = {
  secret_id = true, secret_key = true, token = true,
  role_arn = true, role_session_name = true,
}

-- A value without the quotes around it; nil where one of them is missing.
local function unquote(value)
  if value:find "^[\"']" then
    return value:match '^"(.*)"$' or value:match "^'(.*)'$"
  end
  return value
end

-- Reads a line into its section. Returns whether it is a setting; and how a
-- value that is not used may go on: in the next line, or in indented ones.
local function read_line(section, line)
  local name, value = line:match "^([^=:]+)[=:](.*)$"
  if not name or name:find "^%[" then
    return false
  end
  name = text.lower(text.trim(name))
  if not known[name] then
    return name ~= "", line:find "\\$" and "next line" or "indented"
  end
  section[name] = unquote(text.trim(value))
  return section[name] ~= nil
end

-- For each line: its number, the line without comments and the blanks around
-- it, and whether it is indented.
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
-- number of a line in it that is not a setting.
local function parse(whole, profile)
  local section, is_inside, goes_on = nil, false, nil
  whole = whole:gsub("^\239\187\191", "") -- a byte order mark
  for number, line, is_indented in lines(whole) do
    local name = line:match "^%[(.*)%]$"
    if name then
      is_inside, goes_on = text.trim(name) == profile, nil
      section = section or is_inside and {} or nil
    elseif is_inside and line ~= "" then
      local is_setting, how = read_line(section, line)
      if not is_setting and not (goes_on == "next line"
        or goes_on == "indented" and is_indented) then
        return nil, number
      end
      if is_setting then
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

-- The list of a single file, which an option or a variable names. Messages
-- have its path too. `~/` is the home directory.
local function named_file(name, path, context)
  if path:find "^~/" then
    path = context.home and context.home .. path:sub(2)
  end
  return { { name = name, path = path, shown = path } }
end

-- The files in their order, each { name, path, shown }; without a path where
-- it needs a home directory and there is none.
local function list_files(option, context)
  local variable =
    environment.get("TENCENTCLOUD_CREDENTIALS_FILE", context.getenv)
  if option then
    return named_file("the file of option 'credentials_file'", option, context)
  elseif variable then
    return named_file("the file of TENCENTCLOUD_CREDENTIALS_FILE", variable,
      context)
  end
  local path, of_machine =
    "/.tencentcloud/credentials", "/etc/tencentcloud/credentials"
  return {
    { name = "~" .. path, path = context.home and context.home .. path },
    { name = of_machine, path = of_machine },
  }
end

--- Looks into the file of the option `credentials_file` or of
-- TENCENTCLOUD_CREDENTIALS_FILE; where there is neither, into the user's, then
-- into the machine's. The profile is the option `profile`, or
-- TENCENTCLOUD_PROFILE, or "default". A role of the environment goes before
-- the file's, unless an option names the file or the profile.
-- @tparam table options
-- @tparam table context see `balance.credentials.context`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn string the file; where the first is nil, each one and why not
-- @treturn ?table the role to be assumed with them; where the first is nil,
-- the failure's fields, where it ends the search
function _M.find(options, context)
  local option_file = text.non_empty(options.credentials_file)
  local option_profile = text.non_empty(options.profile)
  local profile = option_profile
    or environment.get("TENCENTCLOUD_PROFILE", context.getenv) or "default"
  local looked_at = {}
  for _, file in ipairs(list_files(option_file, context)) do
    local section, why, about = nil, "HOME is not set", nil
    if file.path then
      section, why, about = read(file.path, profile, context)
    end
    if section then
      local role = not option_file and not option_profile
        and assumed_role.of_environment(context)
      return section, file.name, role
        or assumed_role.role_of(section.role_arn, section.role_session_name)
    end
    why = file.shown and ("%s: %s"):format(file.shown, why) or why
    local place = ("%s (%s)"):format(file.name, why)
    if about then
      return nil, place, about
    end
    looked_at[#looked_at + 1] = place
  end
  return nil, table.concat(looked_at, ", ")
end

return _M
