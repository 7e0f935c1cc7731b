-- SPDX-License-Identifier: MIT
--- Checks, in every spec, that no secret leaves the module. It remembers each
-- key that a call looks up. From then on no failure, event of the trace or
-- stored value may have the beginning of the key in it, in any case or
-- encoding. busted loads this before the specs (see spec/runner/specs), and so
-- does spec code in nginx.
local accounts = require "sandbox.accounts"

local _M = {}

local min_length = 8 -- so many bytes of a secret must not be found

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  .. "0123456789+/"

local function base64(text)
  local digits = {}
  for i = 1, #text - 2, 3 do
    local a, b, c = text:byte(i, i + 2)
    local number = (a * 256 + b) * 256 + c
    for shift = 3, 0, -1 do
      local digit = math.floor(number / 64 ^ shift) % 64
      digits[#digits + 1] = alphabet:sub(digit + 1, digit + 1)
    end
  end
  return table.concat(digits)
end

local function escape_all(text, format)
  return (text:gsub("[^%w._~-]", function(character)
    return format:format(character:byte())
  end))
end

-- The ways to write the beginning of a secret, in lower case.
local function forms_of(secret)
  local start = secret:sub(1, min_length)
  local forms = {
    start, escape_all(start, "%%%02x"), start:gsub('["\\/]', "\\%0"),
    escape_all(start, "\\u%04x"),
    (start:gsub(".", function(c) return ("%02x"):format(c:byte()) end)),
  }
  for skip = 1, 3 do -- one for each place of it in groups of three bytes
    forms[#forms + 1] = base64(secret:sub(skip, skip + min_length))
  end
  for i, form in ipairs(forms) do
    forms[i] = form:lower()
  end
  return forms
end

local known = {} -- forms, by secret

--- Remembers a secret, each of its lines without the blanks around it.
function _M.add(value)
  for line in tostring(value):gmatch "[^%c]+" do
    local part = line:match "^%s*(.-)%s*$"
    if #part >= min_length then
      known[part] = known[part] or forms_of(part)
    end
  end
end

for _, service in pairs(accounts) do
  for _, account in pairs(service) do
    for _, name in ipairs { "api_key", "secret_id", "secret_key", "token" } do
      _M.add(account[name] or "")
    end
  end
end

local hex = ("%x"):rep(64)

--- The secret that a text has in it, or what looks like one; nil without any.
function _M.find(text)
  -- the digest in a key of the cache looks like a signature
  text = text:gsub("(balance:[%w_:]+:)" .. hex, "%1")
  local lower = text:lower()
  for secret, forms in pairs(known) do
    for _, form in ipairs(forms) do
      if lower:find(form, 1, true) then
        return secret
      end
    end
  end
  return text:match "Signature=%x+" or text:match(hex)
    or text:match "Credential=[^*]%S*" or text:match "Bearer [^*'%s]%S+"
end

--- The text of a value: what tostring() returns for it and for all in it.
function _M.text_of(value, seen)
  seen = seen or {}
  if type(value) ~= "table" then
    return tostring(value)
  elseif seen[value] then
    return ""
  end
  seen[value] = true
  local parts = { tostring(value) }
  for name, item in pairs(value) do
    parts[#parts + 1] = _M.text_of(name, seen)
    parts[#parts + 1] = _M.text_of(item, seen)
  end
  return table.concat(parts, "\n")
end

--- Ends the process where a value has a secret in it; an error could be
-- caught.
function _M.check(where, value)
  local found = _M.find(_M.text_of(value))
  if found then
    local message = debug.traceback(
      ("%s has a secret in it: %s"):format(where, found))
    io.stderr:write("\n", message, "\n")
    os.exit(98)
  end
end

local function watch(module, name, make)
  module[name] = make(module[name])
end

local function watch_store(new)
  return function(...)
    local store = new(...)
    for _, name in ipairs { "set", "add" } do
      local put = store[name]
      store[name] = function(self, key, value, ...)
        _M.check("a store", key .. tostring(value))
        return put(self, key, value, ...)
      end
    end
    return store
  end
end

local function add_all(provider, values)
  for _, credential in ipairs(provider.credentials) do
    _M.add(values[credential.name] or "")
  end
end

watch(require "balance.credentials", "find", function(find)
  return function(provider, layers, ...)
    local set, message, about = find(provider, layers, ...)
    add_all(provider, set or {})
    for _, layer in ipairs(layers) do
      add_all(provider, layer)
    end
    _M.check("the search for keys", message)
    return set, message, about
  end
end)

watch(require "balance.failure", "new", function(new)
  return function(fields)
    local failure = new(fields)
    _M.check("a failure", failure)
    return failure
  end
end)

require("balance.trace").is_always_on = true
watch(require "balance.trace", "emitter", function(emitter)
  return function(...)
    local emit = emitter(...)
    return function(event)
      _M.check("an event", event)
      return emit(event)
    end
  end
end)

watch(require "balance.store.memory", "new", watch_store)
watch(require "balance.store.redis", "new", watch_store)

return _M
