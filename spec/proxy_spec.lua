-- SPDX-License-Identifier: MIT
-- Which proxy a call uses, and what the proxy sees.
local accounts = require "sandbox.accounts"
local process = require "support.process"
local secrets = require "support.secrets"

local log, port, server
local nobody = "http://127.0.0.1:1"

lazy_setup(function()
  log = os.tmpname()
  port, server = process.serve("proxy_server.lua", log)
end)

lazy_teardown(function()
  server.stop()
  os.remove(log)
end)

local function proxy(user)
  return ("http://%s127.0.0.1:%s"):format(user and user .. "@" or "", port)
end

-- Makes calls in a process with these variables. Returns what it printed, and
-- what the proxy received.
local function call(variables, option, all)
  process.write(log, "")
  local output, status = process.run_lua([[
    local balance = require "balance"
    local all = { "udio", "tempolor", "tencent" }
    for i = 1, tonumber(arg[1]) do
      local name = all[i]
      local result, err = balance[name] { proxy = arg[2], retries = 0,
        timeout = 2, trace = function(event)
          for field, value in pairs(event) do
            io.write(field, "=", tostring(value), " ")
          end
        end }
      print(result and "answer" or tostring(err))
    end
  ]], "env " .. variables, all and 3 or 1, option)
  assert.equal(0, status, output)
  return output, process.read(log)
end

local function is_used(variables, option)
  local output, told = call(variables, option)
  assert.matches("answer\n$", output)
  return told ~= ""
end

describe("a proxy of the environment", function()
  it("is taken as curl takes it", function()
    for _, case in ipairs {
      { "https_proxy=P", true }, { "HTTPS_PROXY=P", true },
      { "all_proxy=P", true }, { "ALL_PROXY=P", true },
      { "https_proxy=P HTTPS_PROXY=X", true },
      { "HTTPS_PROXY=P all_proxy=X", true },
      { "all_proxy=P ALL_PROXY=X", true },
      { "http_proxy=X HTTP_PROXY=X", false },
      { "https_proxy= all_proxy=", false },
      { "A=", false },
    } do
      local variables = case[1]:gsub("=P", "=" .. proxy()):gsub("=X",
        "=" .. nobody)
      assert.equal(case[2], is_used(variables), case[1])
    end
  end)

  it("is not, where no_proxy names the host", function()
    for _, case in ipairs {
      { "no_proxy=localhost", false }, { "NO_PROXY=localhost", false },
      { "no_proxy=example.com,localhost", false }, { "no_proxy=*", false },
      { "no_proxy=LOCALHOST", false },
      { "no_proxy=example.com", true }, { "no_proxy=ocalhost", true },
      { "no_proxy=", true },
      { "no_proxy=example.com NO_PROXY=localhost", true },
    } do
      assert.equal(case[2],
        is_used("https_proxy=" .. proxy() .. " " .. case[1]), case[1])
    end
  end)

  it("is not, where an option names another, or none", function()
    assert.is_true(is_used("https_proxy=" .. nobody, proxy()))
    assert.is_false(is_used("https_proxy=" .. nobody, ""))
    assert.is_false(is_used("no_proxy=localhost", nobody))
  end)
end)

describe("a proxy", function()
  it("is told the host, and no key", function()
    local _, told = call("A=", proxy "me:pa55word", "all")
    local _, asked = told:gsub("CONNECT localhost:%d+ HTTP/1.1\r\n", "")
    assert.is_true(asked >= 1)
    for line in told:gmatch "[^\r\n]+" do
      assert.is_truthy(line:find "^CONNECT " or line:find "^Host: "
        or line:find "^Proxy%-Connection: " or line:find "^User%-Agent: "
        or line:find "^Proxy%-Authorization: Basic ", line)
    end
    assert.is_nil(secrets.find(told))
    assert.is_nil(told:find(accounts.udio.main.api_key, 1, true))
  end)

  it("that will not do has a hint that says where it may come from",
    function()
      for _, output in ipairs { call("A=", "htp://localhost:1"),
        (call "https_proxy=htp://localhost:1") } do
        assert.matches("udio: config: the proxy is .*check the option proxy, "
          .. "or https_proxy in the environment", output)
      end
    end)

  it("keeps a connection for the next call", function()
    local output = process.run_lua([[
      local balance = require "balance"
      for _ = 1, 2 do
        assert(balance.udio { proxy = arg[1], trace = function(event)
          io.write(tostring(event.reused), " ")
        end })
      end
    ]], "", proxy())
    assert.equal("false true ", output)
  end)

  it("keeps its password out of every message and event", function()
    for _, url in ipairs {
      proxy "refused:pa55word",
      "http://me:pa55word@127.0.0.1:1",
      "http://me:pa55word@" .. ("x"):rep(64) .. ":1",
      "socks5h://me:pa55word@127.0.0.1:" .. port,
      "https://me:pa55word@127.0.0.1:" .. port,
      "htp://me:pa55word@127.0.0.1:" .. port,
      "http://me:pa55word@127.0.0.1:port",
      "http://me:pa55word\n@127.0.0.1:" .. port,
      "http://me:pa55word @127.0.0.1:" .. port,
    } do
      for _, output in ipairs { call("A=", url),
        (call("https_proxy=" .. process.quote(url))) } do
        assert.matches("udio: %l+: [^\n]+\n$", output)
        assert.is_nil(output:find("pa55", 1, true), output)
        assert.is_nil(output:find("cGE1NX", 1, true)) -- in base64
      end
    end
  end)
end)
