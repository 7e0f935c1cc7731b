-- SPDX-License-Identifier: MIT
--- The credentials file of Tencent Cloud's SDKs: a section for each profile,
-- with `secret_id`, `secret_key` and where wanted `token`.
-- @module balance.credentials.tencent_file

local _M = {}

-- The quotes around a value are not a part of it; nil where one is missing.
local function unquote(value)
  if value:find "^[\"']" then
    return value:match '^"(.*)"$' or value:match "^'(.*)'$"
  end
  return value
end

-- The sections by name; or nil and the number of the line that is none.
local function parse(text)
  local sections, section, number = {}, nil, 0
  text = text:gsub("^\239\187\191", "") -- a byte order mark
  for whole in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local line = (" " .. whole):gsub("%s[#;].*$", ""):match "^%s*(.-)%s*$"
    local profile = line:match "^%[%s*(.-)%s*%]$"
    local name, value = line:match "^([%w_-]+)%s*[=:]%s*(.*)$"
    value = value and unquote(value)
    if profile then
      section = sections[profile] or {}
      sections[profile] = section
    elseif value and section then
      section[name:lower()] = value
    elseif line ~= "" then
      return nil, number
    end
  end
  return sections
end

local function has_text(value)
  return value and value:find "%S"
end

-- The keys of a profile in a file; or nil and why there are none.
local function read(path, profile, context)
  local text, why = context.read(path)
  if not text then
    return nil, why
  end
  local sections, number = parse(text)
  if not sections then
    return nil, ("line %d is no setting"):format(number)
  end
  local section = sections[profile]
  if not section then
    return nil, "no such profile"
  end
  for _, name in ipairs { "secret_id", "secret_key" } do
    if not has_text(section[name]) then
      return nil, "no " .. name
    end
  end
  return section
end

local function given(value)
  return value and value ~= "" and value or nil
end

-- The files in their order, each { name, path }.
local function files(options, context)
  local own = given(options.credentials_file)
  local variable = given(context.getenv "TENCENTCLOUD_CREDENTIALS_FILE")
  if own then
    return { { "the file of option 'credentials_file'", own } }
  elseif variable then
    return { { "the file of TENCENTCLOUD_CREDENTIALS_FILE", variable } }
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
-- TENCENTCLOUD_PROFILE, or "default".
-- @tparam table options
-- @tparam table context of `balance.credentials`
-- @treturn ?table `secret_id`, `secret_key`, `token`
-- @treturn string the file; where the first is nil, each one and why not
---@param options table
---@param context balance.CredentialContext
---@return balance.CredentialSet?
---@return string
function _M.find(options, context)
  local profile = given(options.profile)
    or given(context.getenv "TENCENTCLOUD_PROFILE") or "default"
  local looked = {}
  for _, file in ipairs(files(options, context)) do
    local name, path = file[1], file[2]
    local keys, why
    if path then
      keys, why = read(path, profile, context)
    else
      why = "HOME is not set"
    end
    if keys then
      return keys, name
    end
    looked[#looked + 1] = ("%s (%s)"):format(name, why)
  end
  return nil, table.concat(looked, ", ")
end

return _M
