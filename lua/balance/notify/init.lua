-- SPDX-License-Identifier: MIT
--- Ready functions for a monitor's `notify`: each sends an event to a webhook.
--
-- `slack(options)`, `discord(options)`, `feishu(options)` (Lark, too),
-- `dingtalk(options)`, `wecom(options)` and `json(options)`, for a webhook of
-- one's own, return a function. That gets an event; it returns true, or nil and
-- a `balance.Failure` without the address in it.
--
-- Each takes these options:
--
-- - `url`: https, or http to a loopback address. All of it but the host is a
--   secret.
-- - `timeout`: seconds for all of it, retries included (10)
-- - `retries`: how often to send again where that can help (2)
-- - `ca_file`, `ca_path`, `proxy`, `loop`: as of `balance.new`
--
-- and some have their own: `secret` (json, feishu, dingtalk), with which a
-- request is signed; `keyword` (feishu, dingtalk), which goes before the text.
-- What is wrong in the options is raised, without any value in it.
-- @module balance.notify

local options = require "balance.options"
local schema = require "balance.schema"
local sender = require "balance.notify.sender"
local text = require "balance.notify.text"

local _M = {}

local address = "^(https?)://([^/?#@]+)(/[A-Za-z0-9!$&'()*+,.;=:@/?%%~_-]*)$"
local hosts = { "^[A-Za-z0-9._-]+$", "^%[[0-9A-Fa-f:.]+%]$" }
local loopback = { "^127%.%d+%.%d+%.%d+$", "^localhost$", "^%[::1%]$" }

local function is_one_of(host, patterns)
  for _, pattern in ipairs(patterns) do
    if host:find(pattern) then
      return true
    end
  end
  return false
end

-- The address in two parts; the second one is a secret.
local function read_url(url, what)
  local scheme, authority, path = url:match(address)
  local host = authority and authority:gsub(":%d+$", "")
  if not host or not is_one_of(host, scheme == "https" and hosts or loopback)
  then
    return nil, what .. " must be https://HOST/PATH, without a user, and with"
      .. " what is no part of a URL percent-encoded"
  end
  return { endpoint = scheme .. "://" .. authority, path = path }
end

local all = options.all

-- What every webhook takes, beside its own.
local shared = {
  url = { "string", read = read_url },
  timeout = all.timeout, retries = all.retries,
  ca_file = all.ca_file, ca_path = all.ca_path, proxy = all.proxy,
  loop = all.loop,
}

local function read(service, given)
  local known = {}
  for _, list in ipairs { shared, service.options } do
    for name, rule in pairs(list) do
      known[name] = rule
    end
  end
  local own, mistake = schema.read_options(given, known)
  if own and not own.url then
    return nil, "option 'url' is missing"
  end
  return own, mistake
end

local function new(service)
  return function(given)
    local own, mistake = read(service, given)
    if mistake then
      error(("balance.notify.%s: %s"):format(service.name, mistake), 2)
    end
    own.endpoint, own.path = own.url.endpoint, own.url.path
    own.timeout = own.timeout or all.timeout.default
    own.retries = own.retries or all.retries.default
    return function(event)
      local problem = text.mistake(event)
      if problem then
        error(("balance.notify.%s: %s"):format(service.name, problem), 2)
      end
      return sender.send(service, own, event)
    end
  end
end

for _, name in ipairs { "json", "slack", "discord", "feishu", "dingtalk",
  "wecom" } do
  _M[name] = new(require("balance.notify." .. name))
end

return _M
