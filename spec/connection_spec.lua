-- SPDX-License-Identifier: MIT
--
-- Calls that fail before their request is sent: there is no server, or the
-- handshake or the proxy fails. Faults of the answer are in faults_spec.
-- libcurl's own messages differ from version to version, so only messages of
-- the module have a pattern; failing.check checks all of them.
local failing = require "support.failing"
local faults = require "support.faults"

local ok = "HTTP/1.1 200 OK\r\n"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function length(value)
  return "Content-Length: " .. value .. "\r\n"
end

local any = "%a"
local closed = "^the connection was closed during the TLS handshake$"

describe("a call whose handshake goes wrong #transport", function()
  before_each(failing.without_pauses)
  after_each(failing.with_pauses)

  local alert = "\21\3\3\0\2\2\40" -- handshake_failure
  local half = "\22\3\3\0\122\2\0\0\118\3\3" -- a part of a ServerHello
  for _, case in ipairs {
    { "the connection is closed", "closed", "", "network", closed },
    { "the connection is reset", "say-and-reset", "", "network", closed },
    { "the connection is closed in an answer", "say-and-close", half,
      "network", closed },
    { "the connection is reset in an answer", "say-and-reset", half,
      "network", closed },
    { "nothing comes", "silent", "", "timeout", any },
    { "the server refuses", "say-and-close", alert, "tls", any },
    { "the server refuses and resets", "say-and-reset", alert, "tls", any },
    { "the server speaks HTTP", "say-and-close", "HTTP/1.1 400 No\r\n\r\n",
      "tls", any, "no TLS is spoken there" },
    { "the server says what nobody understands", "say-and-close",
      ("\255"):rep(100), "tls", any, "no TLS is spoken there" },
  } do
    local name, fault, bytes, kind, says, hint = unpack(case, 1, 6)
    it(("fails with kind %s where %s"):format(kind, name), function()
      local is_late = kind == "timeout"
      failing.all_fail(failing.client "tls", { fault = fault, bytes = bytes,
        kind = kind, says = says, attempts = is_late and 1 or nil,
        hint = kind == "tls" and (hint or "the server must speak TLS 1.2"),
        options = { endpoint = "https://localhost:" .. faults.ports.raw,
          timeout = is_late and 0.1 or nil, retries = is_late and 0 or nil },
      })
    end)
  end

  -- In TLS 1.3 the refusal comes after the handshake has ended for the client.
  for port, version in pairs { exclusive = "1.3", exclusive12 = "1.2" } do
    it("fails with kind tls where the client has no certificate, in TLS "
      .. version, function()
      failing.all_fail(failing.client "tls", { fault = "none", kind = "tls",
        hint = "the server must speak TLS 1.2",
        options = { endpoint = "https://localhost:" .. faults.ports[port] } })
    end)
  end
end)

describe("a call to where nobody is #transport", function()
  before_each(failing.without_pauses)
  after_each(failing.with_pauses)

  for _, case in ipairs {
    { "refused", "https://127.0.0.1:1", "connect", "127.0.0.1" },
    -- The kernel refuses it without sending a packet.
    { "unreachable", "https://255.255.255.255", "connect", "255" },
    -- This name is not looked up, as its first label is too long.
    { "without an address", "https://" .. ("x"):rep(64) .. ".invalid",
      "dns", "%.invalid" },
  } do
    it("fails with kind " .. case[3] .. ": " .. case[1], function()
      failing.all_fail(failing.client "plain", { fault = "none",
        kind = case[3], says = case[4], options = { endpoint = case[2] } })
    end)
  end

  it("fails with kind timeout where no hand is shaken", function()
    local client = failing.client "tls"
    failing.all_fail(client, { fault = "none", kind = "timeout",
      attempts = 1, options = { timeout = 0.1, retries = 0,
        endpoint = "https://127.0.0.1:" .. faults.ports.plain } })
  end)
end)

describe("a call through a proxy #transport", function()
  before_each(failing.without_pauses)
  after_each(failing.with_pauses)

  for _, case in ipairs {
    { "refuses", "say", "HTTP/1.1 403 No\r\n" .. length(0) .. "\r\n",
      "connect", any },
    { "wants a password", "say", "HTTP/1.1 407 No\r\n"
      .. "Proxy-Authenticate: Basic realm=x\r\n" .. length(0) .. "\r\n",
      "connect", any },
    { "finds nobody", "say-and-close", "HTTP/1.1 502 No\r\n\r\n",
      "connect", any },
    { "answers garbage", "say", "garbage garbage\r\n\r\n", "network",
      "^the proxy's answer is not HTTP$" },
    { "answers half", "say-and-close", "HTTP/1.1 20", "network", any },
    { "closes", "closed", "", "network", any },
    { "resets", "say-and-reset", "", "network", any },
    { "lets nobody through", "say-and-close", "HTTP/1.1 200 OK\r\n\r\n",
      "network", closed },
    { "speaks in place of the server", "say",
      "HTTP/1.1 200 OK\r\n\r\ngarbage where TLS should be", "tls", any },
    { "says nothing", "silent", "", "timeout", any },
    { "answers without an end", "say-for-ever", ok .. "\0X: y\r\n",
      "network", "^the proxy's answer has no end$" },
    { "refuses without an end", "say-for-ever",
      "HTTP/1.1 407 No\r\n" .. length(1e12) .. "\r\n\0x",
      "network", "^the proxy's answer has no end$" },
  } do
    it("fails with kind " .. case[4] .. " where it " .. case[1], function()
      local client = failing.client "tls"
      failing.all_fail(client, { fault = case[2], bytes = case[3],
        kind = case[4], says = case[5],
        attempts = case[4] == "timeout" and 1 or nil, options = {
          proxy = "http://127.0.0.1:" .. faults.ports.plain,
          timeout = case[4] == "timeout" and 0.1 or nil,
          retries = case[4] == "timeout" and 0 or nil,
        } })
    end)
  end

  it("fails with kind connect where there is none", function()
    failing.all_fail(failing.client "tls", { fault = "none", kind = "connect",
      says = "127.0.0.1", options = { proxy = "http://127.0.0.1:1" } })
  end)
end)
