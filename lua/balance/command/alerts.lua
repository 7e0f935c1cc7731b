-- SPDX-License-Identifier: MIT
--- Whom `balance watch` tells of alarms: webhooks and a command.
-- @module balance.command.alerts

local json_event = require "balance.notify.json"
local notify = require "balance.notify"
local reference = require "balance.command.reference"
local schema = require "balance.schema"
local shell = require "balance.command.shell"
local spelling = require "balance.spelling"
local stop = require "balance.command.stop"
local text = require "balance.text"

local _M = {}

-- Which service has a webhook at a host. Another host gets the event as JSON.
local by_host = {
  { "^hooks%.slack%.com$", "slack" },
  { "^discord%.com$", "discord" }, { "^discordapp%.com$", "discord" },
  { "^open%.feishu%.cn$", "feishu" }, { "^open%.larksuite%.com$", "feishu" },
  { "^oapi%.dingtalk%.com$", "dingtalk" },
  { "^qyapi%.weixin%.qq%.com$", "wecom" },
}

local function service_of(url)
  local host = text.lower(url:match "^https://([^/:]+)" or "")
  for _, rule in ipairs(by_host) do
    if host:find(rule[1]) then
      return rule[2]
    end
  end
  return "json"
end

local function resolve(value, what)
  local secret, problem = reference.obtain(value)
  if not secret then
    stop.with("usage", ("%s: %s"):format(what, problem))
  end
  return secret
end

local function new(service, options, what)
  local ok, made = pcall(notify[service], options)
  if not ok then
    stop.with("usage", ("%s: %s"):format(what,
      tostring(made):match "balance%.notify%.%l+: (.*)" or tostring(made)))
  end
  return made
end

-- An address of the arguments; "slack+https://..." says which service's it is.
local function of_argument(written)
  local url = resolve(written, "--notify")
  local service, rest = url:match "^(%l+)%+(.*)$"
  if service and not notify[service] then
    stop.with("usage", "--notify: " .. spelling.unknown("service", service,
      notify))
  end
  return new(service or service_of(url), { url = rest or url }, "--notify")
end

local in_file = { service = { "string" }, url = { "string" },
  secret = { "string" }, keyword = { "string" } }

-- One of the accounts file.
local function of_file(given)
  local what = "\"notify\" of the accounts file"
  local read, mistake = schema.read("field", given, in_file)
  if not read or not read.url then
    stop.with("usage", ("%s: %s"):format(what, mistake or "no \"url\""))
  end
  local url = resolve(read.url, what)
  local service = read.service or service_of(url)
  if not notify[service] then
    stop.with("usage", what .. ": "
      .. spelling.unknown("service", service, notify))
  end
  return new(service, { url = url, keyword = read.keyword,
    secret = read.secret and resolve(read.secret, what) }, what)
end

local function of_command(command)
  return function(event)
    local body = json_event.request(event, {}, 0).body
    local status, problem = shell.feed(command, body)
    if status ~= 0 then
      return nil, "the command of --exec "
        .. (status and "ended with status " .. status
          or "could not be run: " .. tostring(problem))
    end
    return true
  end
end

--- Makes a function for a monitor's `notify`. Each is told, also where one before
-- it fails; then all are told again with the next round.
-- @tparam table arguments `notify`, a list, and `exec`
-- @tparam ?table file of `balance.command.accounts`
-- @tparam function show gets an event once, however often it is told
-- @treturn function
-- @raise an end of the command where an address cannot be used
function _M.of(arguments, file, show)
  local told = {}
  for _, written in ipairs(arguments.notify or {}) do
    told[#told + 1] = of_argument(written)
  end
  for _, given in ipairs(file and file.notify or {}) do
    told[#told + 1] = of_file(given)
  end
  if arguments.exec then
    told[#told + 1] = of_command(arguments.exec)
  end
  local shown = {} -- by account and alarm; a failed one comes again
  return function(event)
    local key = ("%s %s"):format(event.alarm, event.account)
    if shown[key] ~= event.at then
      shown[key] = event.at
      show(event)
    end
    local problem
    for _, tell in ipairs(told) do
      local ok, err = tell(event)
      problem = problem or not ok and tostring(err) or nil
    end
    return not problem, problem
  end
end

return _M
