-- SPDX-License-Identifier: MIT
local balance = require "balance"
local faults = require "support.faults"
local process = require "support.process"

local key = "k3y-that-nobody-may-see"

describe("TLS #transport", function()
  local directory, server, ports, client

  lazy_setup(function()
    directory = process.run "mktemp -d":gsub("%s+$", "")
    server = process.start(("%s spec/support/tls_server.lua %s"):format(
      process.plain_lua, directory))
    ports = {}
    for name, port in process.await(directory .. "/ports")
      :gmatch "(%S+) (%d+)" do
      ports[name] = port
    end
    client = balance.new {
      ca_file = directory .. "/ca.pem", udio = { api_key = key },
    }
  end)

  lazy_teardown(function()
    server.stop()
    process.run("rm -r " .. directory)
  end)

  local function endpoint(name, host)
    return ("https://%s:%d"):format(host or "localhost", ports[name])
  end

  -- The connections and requests that a server has noted so far.
  local function seen(name)
    local counts = { connection = 0, request = 0 }
    local log = process.read(directory .. "/log")
    for line in log:gmatch "[^\n]+" do
      local who, what = line:match "^(%S+) (%S+)$"
      if who == name then
        counts[what] = counts[what] + 1
      end
    end
    return counts
  end

  local function answers(name, host, proxy)
    local result, err = client:udio {
      endpoint = endpoint(name, host), proxy = proxy,
    }
    assert.equal(7, result and result.available, tostring(err))
  end

  for _, case in ipairs {
    { "its very host", "sound" },
    { "a host below its wildcard", "wildcard", "a.here.localhost" },
    { "its address", "by-address", "127.0.0.1" },
    { "whose chain goes on to the root", "chain" },
    { "over TLS 1.2", "tls-1.2" },
  } do
    it("takes a certificate for " .. case[1], function()
      answers(case[2], case[3])
    end)
  end

  -- Each: a description, the server, the hint, the host.
  local other = "another host"
  for _, case in ipairs {
    { "has expired", "expired", "expired" },
    { "is not valid yet", "not-yet", "clock" },
    { "signed itself", "self-signed", "signed by itself" },
    { "an unknown CA signed", "stranger", "CA is unknown" },
    { "an unknown CA that is sent along signed", "stranger-with-root",
      "CA is unknown" },
    { "lacks the one between it and the root", "incomplete",
      "CA is unknown" },
    { "another server's signed", "no-ca", "no CA" },
    { "is a client's", "of-a-client", "for a server" },
    { "is another host's", "other-host", other },
    { "names the host beside its list of names", "only-cn", other },
    { "lacks the address", "no-address", other, "127.0.0.1" },
    { "has the address for a name", "address-as-name", other, "127.0.0.1" },
    { "has a NUL behind the host", "nul-in-cn", other },
    { "has a NUL behind the host in its list", "nul-in-name", other },
    { "has a wildcard one level above", "wildcard-below", other,
      "a.b.here.localhost" },
    { "has a wildcard one level below", "wildcard-above", other,
      "here.localhost" },
    { "has a wildcard for a whole top level", "wildcard-wide", other,
      "a.localhost" },
    { "has a wildcard in the middle", "wildcard-part", other,
      "a.b.localhost" },
    { "has a key that is too short", "short-key", "too short" },
    { "is signed with SHA-1", "sha-1", "signature is too weak" },
    { "is shown in TLS 1.0", "tls-1.0", "TLS 1.2" },
    { "is shown in TLS 1.1", "tls-1.1", "TLS 1.2" },
    { "is not shown: it speaks HTTP", "plain", "no TLS" },
  } do
    local what, name, hint, host = case[1], case[2], case[3], case[4]
    it("refuses a server whose certificate " .. what, function()
      local result, err = client:udio { endpoint = endpoint(name, host) }
      assert.is_nil(result)
      assert.equal("tls", err.kind)
      assert.is_false(err.retryable)
      assert.matches(hint, err.hint)
      for _, value in pairs(err) do
        assert.is_nil(tostring(value):find(key, 1, true))
      end
      assert.is_nil(tostring(err):find(key, 1, true))
      assert.same({ connection = 1, request = 0 }, seen(name))
      answers "sound"
      if name ~= "plain" then -- nothing else is wrong with it
        local output = process.run("curl -s --insecure --tlsv1.0 "
          .. "--ciphers DEFAULT:@SECLEVEL=0 " .. endpoint(name, host))
        assert.matches('"credits":7', output)
      end
    end)
  end

  it("refuses what is weak, whatever OPENSSL_CONF says", function()
    local weak = directory .. "/weak.cnf"
    process.write(weak, [[
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = low
[low]
MinProtocol = TLSv1
CipherString = DEFAULT:@SECLEVEL=0
]])
    for name, kind in pairs {
      sound = "nil", ["short-key"] = "tls", ["sha-1"] = "tls",
      ["tls-1.0"] = "tls", ["tls-1.1"] = "tls", proxy = "nil",
      ["proxy-sha-1"] = "tls", ["proxy-tls-1.1"] = "tls",
    } do
      local is_proxy = name:find "^proxy"
      local output = process.run_lua([[
        local result = require("support.faults").fetch("/",
          { endpoint = arg[1], ca_file = arg[2], proxy = arg[3] })
        io.write(tostring(result.kind))
      ]], "OPENSSL_CONF=" .. weak, endpoint(is_proxy and "sound" or name),
        directory .. "/ca.pem", is_proxy and endpoint(name) or "")
      assert.equal(kind, output, name)
    end
  end)

  it("trusts no CA but those it is told of, or the system's", function()
    local result = faults.fetch("/", { endpoint = endpoint "sound" })
    assert.equal("tls", result.kind)
    assert.matches("CA is unknown", result.hint)
    assert.is_nil(result.body)
  end)

  it("calls a CA file that is not there a mistake of configuration",
    function()
      local _, err = client:udio {
        endpoint = endpoint "sound", ca_file = "/no/such/file.pem",
      }
      assert.equal("config", err.kind)
      answers "sound"
    end)

  it("asks a proxy for its certificate as well", function()
    local asked = seen("proxy").request
    answers("sound", nil, endpoint "proxy")
    assert.equal(asked + 1, seen("proxy").request)
    local before = seen "sound"
    for proxy, hint in pairs { ["proxy-expired"] = "expired",
      ["proxy-other-host"] = "another host" } do
      local result, err = client:udio {
        endpoint = endpoint "sound", proxy = endpoint(proxy),
      }
      assert.is_nil(result)
      assert.equal("tls", err.kind)
      assert.matches(hint, err.hint)
      assert.same({ connection = 1, request = 0 }, seen(proxy))
    end
    assert.same(before, seen "sound")
    answers "sound"
  end)

  -- Bytes that such a proxy sends after an answer may wait unseen in OpenSSL.
  it("through a proxy that speaks TLS is good for one request", function()
    local reused = {}
    local function call(proxy)
      assert(client:udio { endpoint = endpoint "sound", proxy = proxy,
        trace = function(event) reused[#reused + 1] = event.reused end })
    end
    local before = seen("proxy").request
    for _ = 1, 3 do
      call(endpoint "proxy")
    end
    assert.same({ false, false, false }, reused)
    assert.equal(before + 3, seen("proxy").request)
    reused = {}
    for _ = 1, 3 do
      call ""
    end
    assert.is_true(reused[2] and reused[3])
  end)
end)
