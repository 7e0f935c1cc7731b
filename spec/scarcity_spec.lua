-- SPDX-License-Identifier: MIT
--
-- The system has no file descriptor, thread or port left. Then a call returns
-- a failure that names what is missing. Memory is in walk_spec.
local nginx = require "support.nginx"
local process = require "support.process"
local scarcity = require "support.scarcity"

local run, lines_of = scarcity.run, scarcity.lines_of

local few = "prlimit --nofile=48:48"

local function is_lack(line, words)
  return line:find("^resource retryable: %l+: resource: " .. words) ~= nil
end

local no_descriptor = "no file descriptor is left"

describe("where no file descriptor is left", function()
  -- Each of these may be first to find none: the poller, libcurl, a socket,
  -- the file of the certificates.
  it("a first call says so however many there were, and later works",
    function()
      local worked
      for spare = 0, 9 do
        local lines = lines_of(run([[
          local give_back = exhaust(tonumber(arg[1]))
          for _, name in ipairs { "udio", "tencent", "tempolor" } do
            call(name)
          end
          give_back()
          call "udio"
        ]], few, spare))
        assert.equal(4, #lines)
        assert.equal("195", lines[4])
        worked = lines[1] == "195"
        for i = 1, 3 do
          assert.is_true(worked or is_lack(lines[i], no_descriptor), lines[i])
          assert.is_true(worked or lines[i]:find("ulimit -n", 1, true) ~= nil)
          assert.is_nil(lines[i]:find("pem", 1, true))
        end
        assert.is_true(spare > 1 or not worked)
      end
      assert.is_true(worked)
    end)

  it("a look-up is not said to have found nothing", function()
    for spare = 0, 10 do
      local line = run([[
        local give_back = exhaust(tonumber(arg[1]))
        call("udio", { endpoint = "https://prompt.invalid" })
      ]], "LD_PRELOAD=" .. process.build .. "/spec/resolver.so " .. few, spare)
      local found_nothing = line:find "^dns retryable: udio: dns: Could not"
      assert.is_true(found_nothing ~= nil or is_lack(line, no_descriptor),
        line)
      -- One less than libcurl 7.88 wants: newer ones are content with it.
      assert.is_true(spare > 3 or not found_nothing, line)
    end
  end)

  it("a kept connection is as good as ever", function()
    assert.equal("195\n195\n", run([[
      call "udio"
      exhaust(0)
      call "udio"
    ]], few))
  end)

  it("balance.all returns that of each", function()
    local code = [[
      local function all()
        local results, failures = client:all { udio = {}, tempolor = {} }
        for _, name in ipairs { "udio", "tempolor" } do
          say(true, results[name], failures[name])
        end
      end
      local give_back = exhaust(0)
      in_loop(all)
      give_back()
      in_loop(all)
    ]]
    for name, start in pairs {
      blocking = [[
        local client = balance.new { retries = 0 }
        local function in_loop(body) body() end
      ]],
      cqueues = [[
        local cqueues = require "cqueues"
        local controller = cqueues.new()
        local client = balance.new { retries = 0 }
        local function in_loop(body)
          controller:wrap(body)
          assert(controller:loop())
        end
      ]],
      luv = [[
        local client = balance.new { retries = 0, loop = "luv" }
        local function in_loop(body)
          coroutine.wrap(body)()
          require("luv").run()
        end
      ]],
    } do
      local lines = lines_of(run(start .. code, few))
      assert.is_true(is_lack(lines[1], no_descriptor), name .. lines[1])
      assert.is_true(is_lack(lines[2], no_descriptor), name .. lines[2])
      assert.same({ "195", "776.56" }, { lines[3], lines[4] }, name)
    end
  end)

  it("a loop that cannot be loaded is no mistake of the program's", function()
    local lines = lines_of(run([[
      local give_back = exhaust(0)
      local client = balance.new { loop = "luv" }
      say(pcall(client.udio))
      local results, failures = client:all { udio = {} }
      say(true, results.udio, failures.udio)
      give_back()
      local luv = require "luv"
      coroutine.wrap(function() say(true, client.udio()) end)()
      luv.run()
    ]], few))
    assert.is_true(is_lack(lines[1], no_descriptor), lines[1])
    assert.is_true(is_lack(lines[2], no_descriptor), lines[2])
    assert.equal("195", lines[3])
  end)

  it("a child of a fork says so, and its parent goes on", function()
    local lines = lines_of(run([[
      io.stdout:setvbuf "no"
      local posix = assert(package.loadlib(
        os.getenv("BALANCE_BUILD") .. "/spec/fork.so", "luaopen_fork"))()
      call "udio"
      local give_back = exhaust(0)
      local child = posix.fork()
      if child == 0 then
        -- the connections of its parent are closed, which frees one
        io.open "/dev/null"
        call "udio"
        give_back()
        call "udio"
        os.exit(0, true)
      end
      assert(posix.wait(child) == 0)
      call "udio"
    ]], few))
    assert.equal("195", lines[1])
    assert.is_true(is_lack(lines[2], no_descriptor), lines[2])
    assert.same({ "195", "195" }, { lines[3], lines[4] })
  end)

  it("what OpenSSL was configured for counts all the same", function()
    local config = os.tmpname()
    process.write(config, [[
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = odd
[odd]
SignatureAlgorithms = ed448
]])
    local lines = lines_of(run([[
      local give_back = exhaust(0)
      call "udio"
      core.digest "x"
      give_back()
      call "udio"
    ]], "OPENSSL_CONF=" .. config .. " " .. few))
    os.remove(config)
    assert.is_true(is_lack(lines[1], no_descriptor), lines[1])
    assert.matches("^tls final: ", lines[2])
  end)

  it("a worker of nginx says so, and goes on #nginx", function()
    local server = nginx.start {
      workers = 1,
      main = "worker_rlimit_nofile 64;",
      locations = {
        ["= /scarce"] = [[
          local held = {}
          repeat
            local file = io.open "/dev/null"
            held[#held + 1] = file
          until not file
          local results, failures = balance.all {
            udio = { retries = 0 }, tempolor = { retries = 0 },
          }
          local result, err = balance.tencent { retries = 0 }
          for _, file in ipairs(held) do
            file:close()
          end
          ngx.print(tostring(results.udio or failures.udio), "\n",
            tostring(results.tempolor or failures.tempolor), "\n",
            tostring(result or err))
        ]],
        ["= /call"] = [[
          local result, err = balance.udio()
          ngx.print(result and result.available or tostring(err))
        ]],
        ["= /require"] = "ngx.print(core and 'loaded')",
      },
    }
    server:expect "exceed open file resource limit"
    assert.equal("loaded", (server:get "/require"))
    for _ = 1, 2 do
      local body = server:get "/scarce"
      for _, name in ipairs { "udio", "tempolor", "tencent" } do
        assert.matches(name .. ": resource: " .. no_descriptor, body)
      end
    end
    for _ = 1, 3 do
      assert.equal("195", (server:get "/call"))
    end
    nginx.finish()
  end)
end)

describe("where there is no", function()
  local preloaded = "LD_PRELOAD=" .. process.build .. "/spec/scarce.so "

  it("thread left, a look-up says so", function()
    local line = run([[
      call("udio", { endpoint = "https://somebody.invalid" })
    ]], preloaded .. "SCARCE=thread")
    assert.is_true(is_lack(line, "no thread is left"), line)
    assert.matches("ulimit %-u", line)
  end)

  it("place in an epoll left, a call says so at once", function()
    local line = run([[
      local began = core.now()
      call("udio", { endpoint = os.getenv "SANDBOX_PLAIN", timeout = 50 })
      assert(core.now() - began < 40)
    ]], preloaded .. "SCARCE=watch")
    assert.is_true(is_lack(line, "no socket more can be watched"), line)
    assert.matches("max_user_watches", line)
  end)

  local net = scarcity.namespace "-n"
  local ports = net and it or pending -- needs a network namespace

  ports("local port left, a call says so", function()
    local lines = lines_of(run([[
      local port = io.open("/proc/sys/net/ipv4/ip_local_port_range", "w")
      port:write "40000 40003\n"
      port:close()
      local socket = require "cqueues.socket"
      local listener = socket.listen("127.0.0.1", 30000)
      listener:listen()
      local taken = {}
      for i = 1, 6 do
        taken[i] = socket.connect("127.0.0.1", 30000)
        taken[i]:onerror(function(_, _, why) return why end)
        taken[i]:connect(5)
      end
      call("udio", { endpoint = "http://127.0.0.1:30000" })
      call("udio", { endpoint = "http://localhost:30000" })
      for i = 1, 6 do
        taken[i]:close()
      end
      listener:close()
      local range = io.open("/proc/sys/net/ipv4/ip_local_port_range", "w")
      range:write "41000 41999\n"
      range:close()
      call("udio", { endpoint = "http://127.0.0.1:30000" })
    ]], (net or "") .. " sh -c 'ip link set lo up && exec \"$@\"' sh"))
    for i = 1, 2 do
      assert.is_true(is_lack(lines[i], "no local port is left"), lines[i])
      assert.matches("ip_local_port_range", lines[i])
    end
    assert.matches("^connect retryable: ", lines[3])
  end)
end)
