-- SPDX-License-Identifier: MIT
local core = require "balance.core"
local faults = require "support.faults"
local process = require "support.process"

-- Goes before each script. Its argument is the endpoint of fault_server.lua.
local preamble = [[
  local core = require "balance.core"
  local balance = require "balance"
  local faults = require "support.faults"
  local posix = assert(package.loadlib(
    os.getenv("BALANCE_BUILD") .. "/spec/fork.so", "luaopen_fork"))()
  local endpoint = arg[1]
  local function fetch(path)
    return faults.fetch(path, { endpoint = endpoint })
  end
  local function begin(path, timeout)
    return assert(core.transport():start { endpoint = endpoint, path = path,
      timeout = timeout or 5, connect_timeout = timeout or 5 })
  end
  local function finish(transfer)
    assert(require("balance.loop.blocking").wait(transfer))
    return transfer:result()
  end
]]

local function passes(code, setting, ...)
  local output, status = process.run_lua(preamble .. code, setting,
    faults.endpoint(), ...)
  assert.equal("0 ", status .. " " .. output)
end

describe("after a fork", function()
  it("the child calls over connections of its own, the parent over its",
    function()
      passes [[
        assert(balance.udio())
        assert(fetch("/none").reused == false)
        local child = posix.fork()
        if child == 0 then
          local result = fetch("/none")
          assert(result.status == 200 and not result.reused)
          assert(balance.udio())
          os.exit(0, true)
        end
        assert(posix.wait(child) == 0)
        local result = fetch("/none")
        assert(result.status == 200 and result.reused)
        assert(balance.udio())
      ]]
    end)

  it("a child that never calls says no goodbye for its parent", function()
    passes [[
      assert(balance.udio())
      fetch("/none")
      local child = posix.fork()
      if child == 0 then
        os.exit(0, true) -- closes the state
      end
      assert(posix.wait(child) == 0)
      assert(fetch("/none").reused)
      assert(balance.udio())
    ]]
  end)

  it("a transfer under way goes on in the parent and is closed in the child",
    function()
      passes [[
        local transfer = begin("/idle-close")
        core.transport():step()
        local child = posix.fork()
        if child == 0 then
          assert(fetch("/none").status == 200)
          assert(transfer:done())
          assert(transfer:result().kind == "closed")
          transfer:close()
          os.exit(0, true)
        end
        assert(posix.wait(child) == 0)
        assert(finish(transfer).status == 200)
      ]]
    end)

  it("a child may drop what it inherited in any order", function()
    passes [[
      local transfer, other = begin("/silent"), begin("/silent")
      core.transport():step()
      local child = posix.fork()
      if child == 0 then
        transfer:close()
        assert(other:done())
        core.transport():close()
        other = nil
        collectgarbage()
        assert(fetch("/none").status == 200)
        os.exit(0, true)
      end
      assert(posix.wait(child) == 0)
      assert(not other:done())
      transfer:close()
      assert(fetch("/none").status == 200)
    ]]
  end)
end)

describe("a process", function()
  -- The signal comes after half a second, and the call would take 30.
  for where, code in pairs {
    ["for an answer"] = [[ udio { endpoint = endpoint } ]],
    ["for a handshake"] = [[ udio { endpoint = https } ]],
    ["for a name"] = [[ udio { endpoint = "https://somebody.invalid" } ]],
    ["for its turn"] = [[
      for _ = 1, 2 do
        udio { endpoint = "https://127.0.0.1:1", retries = 0, rate = 0.05 }
      end
    ]],
    ["before the next try"] = [[
      local retry = require "balance.retry"
      retry.random = function() return 1000 end
      udio { endpoint = "https://127.0.0.1:1", timeout = 300 }
    ]],
    ["with others"] = [[
      local one = { provider = "udio", endpoint = endpoint, api_key = "k" }
      balance.all { one, one, one }
    ]],
    ["in a loop of its own"] = [[
      local transfer = begin("/silent", 30)
      while not transfer:done() do
        core.transport():wait()
      end
    ]],
  } do
    it("can be interrupted while a call waits " .. where, function()
      local before = os.time()
      local output, status = process.run_lua(preamble .. [[
        local https = endpoint:gsub("http", "https")
        local provider = require "balance.provider.udio"
        function provider.request()
          return { path = "/silent" }
        end
        local function udio(options)
          options.api_key, options.timeout = "k", options.timeout or 30
          options.connect_timeout = 30
          balance.udio(options)
        end
      ]] .. code .. 'print("waited to the end")',
        "LD_PRELOAD=" .. process.build .. "/spec/resolver.so"
        .. " timeout --foreground -s INT 0.5", faults.endpoint())
      assert.matches("interrupted!", output)
      assert.is_nil(output:find("waited to the end", 1, true))
      assert.equal(124, status)
      assert.is_true(os.time() - before < 15)
    end)
  end

  -- The quickest of a few runs, as the machine may be busy.
  it("is interrupted within a tenth of a second", function()
    local path, quickest = os.tmpname(), math.huge
    process.write(path, preamble .. [[
      io.stdout:setvbuf "no"
      print(io.open("/proc/self/stat"):read "*n") -- its pid
      local ok = pcall(function() finish(begin("/silent", 30)) end)
      print(ok, core.now())
    ]])
    for _ = 1, 5 do
      local script = io.popen(("%s %s %s"):format(process.lua, path,
        faults.endpoint()))
      local pid = script:read "*l"
      process.sleep(0.3) -- until it waits
      local sent = core.now()
      process.run("kill -INT " .. pid)
      quickest = math.min(quickest,
        tonumber(script:read "*a":match "^false\t(%S+)") - sent)
      script:close()
    end
    os.remove(path)
    assert.is_true(quickest > 0 and quickest < 0.1, quickest)
  end)

  it("survives SIGPIPE, by default the end of it", function()
    faults.endpoint()
    passes([[
      local https = "https://localhost:" .. arg[2]
      for _, path in ipairs { "/say-and-reset", "/closed", "/idle-close",
        "/late-408", "/say-and-cut", "/none" } do
        for _ = 1, 3 do
          faults.fetch(path, { endpoint = https, body = ("x"):rep(2 ^ 20),
            ca_file = os.getenv "SSL_CERT_FILE" })
          core.sleep(0.06) -- the server acts after its answer
        end
      end
      core.transport():close() -- to servers that have closed already
    ]], "env --default-signal=PIPE", faults.ports.tls)
  end)

  it("finds no error of a failed handshake in OpenSSL's queue", function()
    local output, status = process.run(process.build .. "/spec/no_errors_left "
      .. os.getenv "UDIO_ENDPOINT") -- its CA is not the system's
    assert.equal("0 ", status .. " " .. output)
  end)

  it("looks at a kept connection before it uses it again", function()
    local output, status = process.run(process.build .. "/spec/sockets_work")
    assert.equal("0 ", status .. " " .. output)
  end)

  -- Transfers that look up a name, wait for the handshake, the answer or the
  -- rest of it, that are done and not read, that connect, and that have not
  -- begun.
  it("can end with calls under way in every state", function()
    passes([[
      local held = {}
      local function hold(origin, path)
        held[#held + 1] = assert(core.transport():start { endpoint = origin,
          path = path, timeout = 5, connect_timeout = 5 })
        return held[#held]
      end
      hold("https://somebody.invalid", "/")
      hold(endpoint:gsub("http", "https"), "/")
      hold(endpoint, "/silent")
      hold(endpoint, "/drip")
      finish(hold(endpoint, "/none"))
      local done = 0
      for _, transfer in ipairs(held) do
        done = done + (transfer:done() and 1 or 0)
      end
      assert(done == 1)
      hold(endpoint, "/silent")
      core.transport():step()
      hold(endpoint, "/none")
      os.exit(0, true)
    ]], "LD_PRELOAD=" .. process.build .. "/spec/resolver.so")
  end)

  it("can be called by a finalizer while its state closes", function()
    passes [[
      balance.udio()
      local function call()
        balance.udio()
        balance.tc3.sign { secret_id = "a", secret_key = "b",
          service = "c", host = "d" }
      end
      if _VERSION == "Lua 5.1" then
        local proxy = newproxy(true)
        getmetatable(proxy).__gc = call
        _G.last = proxy
      else
        _G.last = setmetatable({}, { __gc = call })
      end
      os.exit(0, true)
    ]]
  end)

  it("can collect the transport before its transfers", function()
    passes [[
      local first, second = begin("/silent"), begin("/none")
      finish(second)
      core.transport():close()
      first:close()
      assert(second:done())
      second:close()
      second:close()
    ]]
  end)

  -- With libcurl 7.88 the time limit waits for the resolver, and so would a
  -- worker of nginx, unless CURLOPT_QUICK_EXIT is set.
  it("is not held up by a resolver that stalls", function()
    passes([[
      local before = os.time()
      local err = select(2, balance.udio { api_key = "k", timeout = 0.3,
        endpoint = "https://somebody.invalid" })
      assert(err.kind == "timeout", tostring(err))
      assert(os.time() - before < 3, "held up")
      local transfer = assert(core.transport():start { path = "/",
        endpoint = "https://somebody.invalid", timeout = 5,
        connect_timeout = 5 })
      core.transport():step()
      transfer:close()
      assert(os.time() - before < 3, "held up by a cancelled one")
      os.exit(0, true) -- while the resolver's thread runs
    ]], "LD_PRELOAD=" .. process.build .. "/spec/resolver.so")
  end)

  -- A look-up goes on after its transfer has timed out, and libcurl 8.20 has a
  -- maximum of threads for the look-ups of all hosts. IPv4 and IPv6 are looked
  -- up separately.
  it("has few look-ups of one host, and they hold up no other's", function()
    local log = os.tmpname()
    passes([[
      local function lookups()
        local file = assert(io.open(arg[2]))
        local count = select(2, file:read("*a"):gsub("somebody", ""))
        file:close()
        return count
      end
      local before = os.time()
      for _ = 1, 2 do
        local transfers = {}
        for i = 1, 150 do
          transfers[i] = assert(core.transport():start { path = "/",
            endpoint = "https://somebody.invalid", timeout = 0.3,
            connect_timeout = 0.3 })
        end
        for i = 1, 150 do
          assert(finish(transfers[i]).kind == "timeout")
          transfers[i]:close()
        end
      end
      local err = select(2, balance.udio { api_key = "k", retries = 0,
        timeout = 30, endpoint = "https://prompt.invalid" })
      assert(err.kind == "dns", tostring(err))
      assert(lookups() >= 8 and lookups() <= 2 * 16, lookups())
      core.transport():close()
      assert(os.time() - before < 30, "held up by a close")
      os.exit(0, true) -- while the resolver's threads run
    ]], "RESOLVER_STALL=60 RESOLVER_LOG=" .. log .. " LD_PRELOAD="
      .. process.build .. "/spec/resolver.so", log)
    os.remove(log)
  end)

  -- The thread of a resolver that stalls can outlive lua_close.
  it("keeps the module mapped when its state is closed", function()
    local flags = process.run("readelf -d " .. process.build
      .. "/balance/core.so")
    assert.matches("NODELETE", flags)
  end)

  -- A child that holds a connection keeps it open for the server.
  it("lets its children inherit no connection", function()
    passes [[
      assert(fetch("/none"))
      local pipe = io.popen("ls -l /proc/self/fd; cat /proc/net/tcp")
      local list = pipe:read("*a")
      pipe:close()
      assert(not list:find("eventpoll", 1, true), list)
      for inode in list:gmatch("socket:%[(%d+)%]") do
        assert(not list:find(" " .. inode .. " ", 1, true), list)
      end
      assert(fetch("/none").reused) -- there was one to inherit
    ]]
  end)

  it("takes the hashed trust store before the bundle", function()
    local hashed = process.run("ls /etc/ssl/certs"):find("%x+%.0\n")
    local output, status = process.run(process.build .. "/spec/trust_choice")
    assert.equal(0, status)
    assert.matches(hashed and "^path=/" or "^file=/", output)
    assert.is_nil(output:find("\n.+")) -- one of them: libcurl caches a bundle
  end) -- only where there is no directory beside it
end)
