-- SPDX-License-Identifier: MIT
--
-- The files that keep keys, whatever is in them: the keys that are found
-- stand in the file, and a message shows nothing of it.
--
-- An input is the file's content and, behind a bar, the profile; its last
-- byte says which of the two formats it is.
local credentials = require "balance.credentials"
local safe = require "cjson.safe"
local input = require "fuzz.input"
local promise = require "fuzz.promise"

local names = {
  { name = "secret_id" }, { name = "secret_key" },
  { name = "token", optional = true },
}
local sources = {
  { name = "ini", credentials = names, credential_role = "assumed_role",
    credential_sources = { "tencent_file" } },
  { name = "json", credentials = names, credential_role = "assumed_role",
    credential_sources = { "tccli_file" } },
}

local content -- of the only file

local context = {
  loop = {}, home = "/home/user", asks = false,
  getenv = function() end,
  now = function() return 1000 end,
  read_file = function(_, most)
    if #content > most then
      return nil, "too_large"
    end
    return content, 384 -- for its owner alone
  end,
}

-- Everything that can be wrong with a file, in words that are all ours.
local why = { "no keys", "too large", "no such profile",
  "line %d+ is no setting", "no secret_id", "no secret_key", "not JSON",
  "expired", "'secret_id' has a control character",
  "'secret_key' has a control character", "'token' has a control character",
  "'secret_id' is missing or empty", "'secret_key' is missing or empty",
  "'secret_id' is a %l+, not a string", "'secret_key' is a %l+, not a string",
  "'token' is a %l+, not a string",
}

-- A role is named; nothing else of the file is.
local function is_of_role(message)
  local place = message:match "^the role [!-~]+ of (.*) cannot be assumed: "
    or message:match "^the CVM role of (.*): nobody was asked$"
    or message:match "^(.*): the role's ARN is none$"
    or message:match("^(.*): the name of the role's session has other than 2"
      .. " to 128 letters, digits and _%+=,%.@%-$")
  return place and (place:find "^~?/[%l/]*%.?tencentcloud/credentials$"
    or place:find "^~/%.tccli/[^/]*%.credential$")
end

local function is_ours(message)
  if is_of_role(message) then
    return true
  end
  message = message:match "^no key: give secret_id and secret_key; also (.*)$"
  if not message then
    return false
  end
  message = message:gsub("%(the profile's name cannot be a file's%)", "()")
  for _, each in ipairs(why) do
    message = message:gsub("%(" .. each .. "%)", "()")
  end
  local ini = "looked at ~/.tencentcloud/credentials ()"
  return message == ini -- with keys that will not do
    or message == ini .. ", /etc/tencentcloud/credentials ()"
    or message:find "^looked at ~/%.tccli/[^/]*%.credential %(%)$"
    or message == "looked at ~/.tccli ()"
end

local function is_key(value)
  promise.that(type(value) == "string" and value ~= "", "a key is text", value)
  promise.that(not value:find "%c", "it has no control character", value)
  promise.that(value:find "^%S" and value:find "%S$", "it is trimmed", value)
end

return function(data)
  local bytes = input.new(data)
  local source = bytes:choose(sources)
  content = bytes:field()
  local profile = bytes:rest()
  local warned
  context.warn = function(message) warned = message end
  local set, message = credentials.find(source, { { profile = profile } },
    context)
  promise.that(warned == nil, "nobody else can read it", warned)

  if not set then
    promise.that(is_ours(message), "the words are all ours", message)
    return
  end
  promise.that(set.secret_id and set.secret_key, "they are complete", message)
  local decoded = source.name == "json" and safe.decode(content)
  for name, value in pairs(set) do
    is_key(value)
    if decoded then
      local member = { secret_id = "secretId", secret_key = "secretKey",
        token = "token" }
      local raw = decoded[member[name]]
      promise.that(raw:find(value, 1, true), "it is the member's", value)
    else
      promise.that(content:find(value, 1, true), "it is in the file", value)
    end
  end
end
