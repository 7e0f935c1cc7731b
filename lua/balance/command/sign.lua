-- SPDX-License-Identifier: MIT
--- `balance sign`: the headers of any Tencent Cloud call.
-- @module balance.command.sign

local accounts = require "balance.command.accounts"
local core = require "balance.core"
local credentials = require "balance.credentials"
local data = require "balance.command.data"
local output = require "balance.command.output"
local providers = require "balance.providers"
local reference = require "balance.command.reference"
local safe = require "cjson.safe"
local spelling = require "balance.spelling"
local stop = require "balance.command.stop"
local text = require "balance.text"
local tc3 = require "balance.tc3"

local _M = {}

-- The account of the accounts file, or what the environment has.
local function account_of(arguments)
  local name = arguments.account or "tencent"
  local file = accounts.read(arguments.accounts)
  if file and file.warning then
    output.say(file.warning)
  end
  local known = file and file.accounts or {}
  if known[name] and known[name].provider ~= providers.known.tencent then
    stop.with("usage", ("account '%s' is not one of Tencent Cloud"):format(
      name))
  elseif not known[name] and name ~= "tencent" then
    stop.with("usage", spelling.unknown("account", name, known),
      "it must stand in the accounts file")
  end
  return known[name] or { given = {} }
end

local function keys_of(one)
  local given = core.copy(one.given)
  for name, value in pairs(one.keys or {}) do
    local secret, problem = reference.obtain(value)
    if not secret then
      stop.with("unknown", ("its %s: %s"):format(name, problem))
    end
    given[name] = secret
  end
  local set, why = credentials.find(providers.known.tencent,
    { given }, nil, given)
  if not set then
    stop.with("unknown", why, "`balance doctor tencent` shows where keys were"
      .. " looked for")
  end
  return set
end

local function body_of(arguments)
  local given = arguments.data or "{}"
  if given == "@-" then
    return io.read "*a" or ""
  elseif given:sub(1, 1) ~= "@" then
    return given
  end
  local path = given:sub(2)
  local _, problem = core.stat_file(path) -- it may be a FIFO
  local file = not reference.problems[problem] and io.open(path, "rb")
  local content = file and file:read "*a"
  if file then
    file:close()
  end
  if not content then
    stop.with("usage", ("--data: %s %s"):format(path,
      reference.problems[problem] or "cannot be read"))
  end
  return content
end

local escapes = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t", ["\v"] = "\\v" }

-- A value in curl's configuration.
local function quote(value)
  return '"' .. value:gsub('[\\"\n\r\t\v]', escapes) .. '"'
end

local formats = {}

function formats.headers(headers)
  local lines = {}
  for i, name in ipairs(text.sorted(headers)) do
    lines[i] = ("%s: %s\n"):format(name, headers[name])
  end
  return table.concat(lines)
end

function formats.json(headers)
  return safe.encode(headers) .. "\n"
end

function formats.curl(headers, arguments, body)
  local lines = { "url = " .. quote(("https://%s/"):format(arguments.host)),
    "data-raw = " .. quote(body) }
  for _, name in ipairs(text.sorted(headers)) do
    lines[#lines + 1] = "header = " .. quote(name .. ": " .. headers[name])
  end
  return table.concat(lines, "\n") .. "\n"
end

local in_a_header = { "service", "host", "action", "version", "region" }

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  for _, name in ipairs(in_a_header) do
    local value = arguments[name]
    if value and (value == "" or not core.is_text(value)) then
      stop.with("usage", ("--%s is empty, or has a control character"):format(
        name))
    end
  end
  local body = body_of(arguments)
  if arguments.format == "curl" and body:find "%z" then
    stop.with("usage", "--data has a zero byte, which curl's configuration"
      .. " cannot have")
  end
  local set = keys_of(account_of(arguments))
  local headers, kind, message = tc3.sign {
    secret_id = set.secret_id, secret_key = set.secret_key,
    token = set.token, service = arguments.service, host = arguments.host,
    action = arguments.action, version = arguments.version,
    region = arguments.region, payload = body,
  }
  if not headers then
    stop.with("unknown", ("%s: %s"):format(kind, message))
  end
  data.write(formats[arguments.format](headers, arguments, body))
  return stop.status.fine
end

return _M
