-- SPDX-License-Identifier: MIT
--
-- A monitor in real nginx. A round is due each second here.
local nginx = require "support.nginx"
local process = require "support.process"

local long = 60 -- seconds

-- `directives` are more of them for nginx's http.
local function start(store, after, changes, directives)
  local settings = {
    main = "env SPEC_BEGAN=" .. os.time() .. ";",
    http = (directives or "")
      .. "lua_shared_dict balances 1m; lua_socket_log_errors off;"
      .. nginx.lua("init_worker_by_lua_block",
        ('require("support.nginx.watching").start(%s, %s)'):format(store,
          after or "nil")),
    locations = {
      ["= /say"] = 'require("support.nginx.watching").say()',
    },
  }
  for name, value in pairs(changes or {}) do
    settings[name] = value
  end
  return nginx.start(settings)
end

local function asked(server)
  return tonumber(server:note "asked") or 0
end

local function await_rounds(count, ...)
  local servers = { ... }
  for _ = 1, long * 20 do
    local sum = 0
    for _, server in ipairs(servers) do
      sum = sum + asked(server)
    end
    if sum >= count then
      return
    end
    process.sleep(0.05)
  end
  error("there were no " .. count .. " rounds", 2)
end

-- The times of all rounds, sorted, and the workers that made them.
local function rounds_of(...)
  local times, pids = {}, {}
  for _, server in ipairs { ... } do
    for i = 1, asked(server) do
      local at, pid = server:note("ask" .. i):match "^(%S+) (%S+)$"
      times[#times + 1] = tonumber(at)
      pids[#pids + 1] = pid
    end
  end
  table.sort(times)
  return times, pids
end

-- Two rounds are a second apart, but for how nginx rounds its clock.
local function check_intervals(times)
  for i = 2, #times do
    assert.is_true(times[i] - times[i - 1] >= 0.9, table.concat(times, " "))
  end
end

-- The same by Redis's clock: what came between it and the worker evens out.
local function check_sum(times)
  assert.is_true(times[#times] - times[1] >= #times - 1 - 0.8,
    table.concat(times, " "))
end

local dict = "ngx.shared.balances"

describe("a monitor in nginx #nginx", function()
  after_each(nginx.finish)

  it("asks once in an interval, of all workers", function()
    local server = start(dict, nil, { workers = 3 })
    await_rounds(4, server)
    check_intervals((rounds_of(server)))
    for _, pid in ipairs(server:get_workers()) do
      assert.is_true(tonumber(server:note("looks " .. pid)) > 4)
    end
    assert.matches("^%d+ %d+ $", (server:get "/say"))
    assert.is_nil(server:note "told")
  end)

  it("goes on where the worker that asks is killed, and loses nothing",
    function()
      local server = start(dict)
      await_rounds(2, server)
      local _, pids = rounds_of(server)
      local samples, first = server:get("/say"):match "^(%d+) (%d+) $"
      server:expect "signal 9"
      server:signal("KILL", pids[#pids])
      local before = asked(server)
      await_rounds(before + 3, server)
      check_intervals((rounds_of(server)))
      local more, still = server:get("/say"):match "^(%d+) (%d+) $"
      assert.equal(first, still)
      assert.is_true(tonumber(more) > tonumber(samples))
      assert.is_nil(server:note "told")
    end)

  it("goes on after a reload, and lets the old workers end", function()
    local server = start(dict)
    await_rounds(2, server)
    local old = server:get_workers()
    server:signal "HUP"
    for _, pid in ipairs(old) do
      server:await_end(pid)
    end
    local before = asked(server)
    await_rounds(before + 2, server)
    check_intervals((rounds_of(server)))
    assert.is_nil(server:note "told")
  end)

  it("goes on after a time in which nginx had no timer left", function()
    local server = start(dict, nil, {
      workers = 1, server = "location = /busy { content_by_lua_block {"
        .. " ngx.timer.at(0, function() ngx.sleep(1.5) end) } }",
    }, "lua_max_running_timers 1;")
    server:expect "lua_max_running_timers are not enough"
    await_rounds(1, server)
    server:get "/busy"
    process.sleep(1.6)
    local before = asked(server)
    await_rounds(before + 2, server)
  end)

  it("ends where `after` says so", function()
    local server = start(dict, "function() return false end",
      { workers = 1 })
    await_rounds(1, server)
    process.sleep(1.5)
    assert.equal(1, asked(server))
  end)

  it("cannot be run where nginx has no timers yet", function()
    local server = nginx.start { http = nginx.lua("init_by_lua_block", [[
      local watched = require("balance.monitor").new {}
      local ok, message = pcall(function() watched:run() end)
      ngx.shared.notes:set("message", message)
    ]]) }
    assert.matches("init_by_lua.*: monitor:run: nginx has no timers yet: call"
      .. " it in init_worker_by_lua$", server:note "message")
  end)
end)

describe("two nginx with one Redis #nginx", function()
  local dir, redis

  local function start_redis()
    redis = process.start(("exec redis-server --port 0 --unixsocket %s/redis"
      .. " --pidfile %s/pid --dir %s --save '' --appendonly no --daemonize no"
      .. " --logfile %s/log"):format(dir, dir, dir, dir))
    nginx.await("Redis", function()
      local ping = "redis-cli -s " .. dir .. "/redis ping"
      return select(2, process.run(ping)) == 0
    end)
  end

  local function command(words)
    return (process.run("redis-cli -s " .. dir .. "/redis " .. words)
      :gsub("%s+$", ""))
  end

  before_each(function()
    dir = process.run("mktemp -d"):gsub("%s+$", "")
    start_redis()
  end)

  after_each(function()
    nginx.finish()
    redis.stop()
    process.run("rm -r " .. dir)
  end)

  local function start_with_redis()
    return start(([[require("balance").store.redis(function()
      return require("support.nginx.redis").connect "%s/redis"
    end)]]):format(dir), nil, { workers = 1 })
  end

  it("ask once in an interval between them", function()
    local one, other = start_with_redis(), start_with_redis()
    await_rounds(4, one, other)
    check_sum((rounds_of(one, other)))
    assert.is_true(tonumber(one:note("looks " .. one:get "/pid")) > 4)
    assert.is_true(tonumber(other:note("looks " .. other:get "/pid")) > 4)
  end)

  it("lose no history with Redis, and raise no alarm", function()
    local one, other = start_with_redis(), start_with_redis()
    await_rounds(4, one, other)
    local function histories()
      local list = {}
      for i, server in ipairs { one, other } do
        local samples, first, problem = server:get("/say")
          :match "^(%d+) (%S+) (.*)$"
        list[i] = { samples = tonumber(samples), first = first,
          problem = problem }
      end
      return list
    end
    for _, server in ipairs { one, other } do
      server:expect "connect() to unix:"
      server:expect "recv() failed" -- in the middle of a command
      server:expect "send() failed"
    end
    local before = histories()
    command "shutdown nosave"
    redis.stop()
    for i, its in ipairs(histories()) do
      assert.matches("^the store: ", its.problem)
      assert.equal(before[i].first, its.first)
    end
    local rounds = asked(one) + asked(other)
    await_rounds(rounds + 2, one, other)
    start_redis() -- which has nothing now
    nginx.await("what was before, and more", function()
      local all = true
      for i, its in ipairs(histories()) do
        assert.equal(before[i].first, its.first)
        all = all and its.problem == ""
          and its.samples >= before[i].samples + 3
      end
      return all and command "get balance:monitor:state:udio" ~= ""
    end)
    assert.is_nil(one:note "told")
    assert.is_nil(other:note "told")
  end)
end)
