-- SPDX-License-Identifier: MIT
--
-- A NAT, a VPN or a load balancer forgets a connection and tells neither side:
-- the client keeps it, and nothing ever comes over it again. That looks like a
-- slow service, so both are tried here. The times are bounds that a busy
-- machine keeps too; the trace and the server's counts show what a call did.
local assumed_role = require "balance.credentials.assumed_role"
local balance = require "balance"
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local cqueues = require "cqueues"
local cvm_role = require "balance.credentials.cvm_role"
local nginx = require "support.nginx"
local process = require "support.process"
local retry = require "balance.retry"
local silence = require "support.silence"

local real_random = retry.random

-- Under valgrind a handshake takes a tenth of a second or more.
local is_slow = process.lua:find "^valgrind" ~= nil

-- A client, and the events of its trace.
local function new_client(protocol, changes)
  local events = {}
  local settings = {
    udio = { endpoint = silence.endpoint(protocol), api_key = "s1l3nt-k3y" },
    http2 = protocol == "http2", timeout = 4, rate = false,
    ca_file = os.getenv "SSL_CERT_FILE",
    trace = function(event) events[#events + 1] = event end,
  }
  for name, value in pairs(changes or {}) do
    settings[name] = value
  end
  return balance.new(settings), events
end

local function forget(events)
  for i = #events, 1, -1 do
    events[i] = nil
  end
end

local function names(events)
  local list = {}
  for i, event in ipairs(events) do
    list[i] = event.event
  end
  return table.concat(list, " ")
end

local function accounts(count)
  local list = {}
  for i = 1, count do
    list["account" .. i] = { provider = "udio" }
  end
  return list
end

-- Makes calls at once, all of which must succeed. Returns the attempts that
-- they took.
local function ask_many(client, count)
  local results, failures = client:all(accounts(count))
  for _, err in pairs(failures) do
    error(tostring(err))
  end
  local attempts = 0
  for _, result in pairs(results) do
    attempts = attempts + result.attempts
  end
  return attempts
end

local function ask(client, options)
  local result, err = client:udio(options)
  assert.is_nil(err, tostring(err))
  return result
end

local function requests()
  return (select(3, silence.tell "count"))
end

local function begin()
  retry.random = function() return 0 end
  silence.begin()
end

local function finish()
  retry.random = real_random
  assert.is_nil(core.transport():timeout()) -- nothing is under way
end

for _, protocol in ipairs { "plain", "tls", "http2" } do
  describe("a kept connection that died in silence, over " .. protocol
    .. " #transport", function()
    before_each(begin)
    after_each(finish)

    -- Longer than a second, when the second request goes out.
    local slow = protocol == "tls" and 3000 or 1600

    -- Tried a few times, as the machine may be busy.
    local function in_time(name, body)
      if is_slow and protocol ~= "plain" then
        return
      end
      it(name, function()
        for _ = 1, 4 do
          if pcall(body) then
            return
          end
          finish()
          begin()
        end
        body()
      end)
    end

    it("costs a second request over a new one", function()
      local client, events = new_client(protocol)
      ask(client)
      silence.tell "silent"
      forget(events)
      local before = requests()
      local result = ask(client)
      assert.equal(2, result.attempts)
      assert.equal(before + 2, requests())
      assert.equal("hedge attempt", names(events))
      local hedge, attempt = events[1], events[2]
      assert.equal(2, hedge.attempt)
      assert.equal(silence.endpoint(protocol), hedge.endpoint)
      assert.is_true(hedge.wait >= 0.4)
      assert.equal(2, attempt.attempt)
      assert.is_false(attempt.reused)
      silence.await_open(1)
      assert.equal(1, ask(client).attempts)
    end)

    it("is answered without retries, too", function()
      local client = new_client(protocol, { retries = 0 })
      ask(client)
      silence.tell "silent"
      assert.equal(2, ask(client).attempts)
      assert.equal(1, ask(client).attempts)
    end)

    it("is not met again, nor are those that are as old", function()
      local client, events = new_client(protocol)
      assert.equal(3, ask_many(client, 3))
      silence.tell "silent"
      assert.equal(2, ask(client).attempts)
      silence.await_open(1)
      local before = requests()
      forget(events)
      assert.equal(1, ask(client).attempts)
      assert.equal(3, ask_many(client, 3))
      assert.equal(before + 4, requests())
      assert.is_nil(names(events):find "hedge")
    end)

    it("stops none of many calls at once", function()
      local client = new_client(protocol)
      ask_many(client, 20)
      local before, open = silence.tell "silent"
      local attempts = ask_many(client, 20)
      assert.is_true(attempts > 20 and attempts <= 40, attempts)
      assert.equal(20, ask_many(client, 20))
      if protocol == "http2" then -- they share one connection
        assert.is_true(silence.tell "count" <= before + 2)
        assert.equal(1, open)
      end
    end)

    it("is answered where the service is slow as well", function()
      local client, events = new_client(protocol, { timeout = 10 })
      ask(client)
      silence.tell "silent"
      silence.tell("wait", slow)
      forget(events)
      assert.equal(2, ask(client).attempts)
      assert.is_false(events[2].reused)
    end)

    it("is told from a service that is slow: that answers first", function()
      local client, events = new_client(protocol, { timeout = 10 })
      local first = ask(client)
      silence.tell("wait", slow)
      forget(events)
      local result = ask(client)
      assert.equal(first.available, result.available) -- the same number
      assert.equal(2, result.attempts)
      assert.equal("hedge attempt", names(events))
      assert.equal(2, events[1].attempt)
      assert.equal(1, events[2].attempt)
      assert.is_true(events[2].reused)
      silence.tell("wait", 0)
      if protocol ~= "http2" then -- in HTTP/2 only the stream ends
        silence.await_open(1)
      end
      assert.equal(first.available, ask(client).available)
    end)

    in_time("is nothing new where the last answer took as long", function()
      local client, events = new_client(protocol, { timeout = 4, retries = 0 })
      silence.tell("wait", 400)
      ask(client)
      silence.tell("wait", 1100)
      forget(events)
      assert.equal(1, ask(client).attempts) -- 3 * 400 ms have not passed
      assert.equal("attempt", names(events))
    end)

    it("has one second request in a call, whatever comes of it", function()
      local client, events = new_client(protocol, { timeout = 1.6 })
      ask(client)
      silence.tell("silent", 1)
      forget(events)
      local result, err = client:udio()
      assert.is_nil(result)
      assert.equal("timeout", err.kind)
      assert.equal(4, err.attempts)
      assert.equal("hedge attempt retry attempt retry attempt", names(events))
      assert.is_false(events[4].reused)
      assert.is_false(events[6].reused)
      silence.await_open(0)
    end)

    it("waits on where the second request fails", function()
      local client, events = new_client(protocol)
      local first = ask(client)
      silence.tell("wait", 1200)
      silence.tell("refuse", 1)
      forget(events)
      local result = ask(client)
      assert.equal(first.available, result.available)
      assert.equal(2, result.attempts)
      assert.equal("hedge attempt", names(events))
      assert.is_true(events[2].reused)
      silence.await_open(1)
    end)

    it("fails as the second request did where neither is answered", function()
      local client = new_client(protocol, { timeout = 1, retries = 0 })
      ask(client)
      silence.tell "silent"
      silence.tell("refuse", 1)
      local result, err = client:udio()
      assert.is_nil(result)
      assert.equal("network", err.kind)
      assert.equal(2, err.attempts)
      silence.await_open(0)
    end)

    in_time("is left by a retry where there is no time for both", function()
      local client, events = new_client(protocol, { timeout = 0.36 })
      ask_many(client, 3)
      silence.tell "silent"
      forget(events)
      assert.equal(2, ask(client).attempts)
      assert.equal("attempt retry attempt", names(events))
      assert.is_true(events[1].reused)
      assert.is_false(events[3].reused)
      silence.await_open(1)
      assert.equal(1, ask(client).attempts)
    end)

    in_time("is answered within half a second", function()
      for retries = 0, 2 do
        local client = new_client(protocol,
          { timeout = 0.5, retries = retries })
        ask(client, { timeout = 4 })
        silence.tell "silent"
        assert.equal(2, ask(client).attempts)
      end
    end)

    for _, fate in ipairs { "reset", "close" } do
      it("takes those along that are as old where it ends by a " .. fate,
        function()
          local client, events = new_client(protocol, { retries = 0 })
          ask_many(client, 3)
          silence.tell(fate)
          forget(events)
          assert.equal(1, ask(client).attempts)
          assert.is_false(events[1].reused)
          if protocol ~= "http2" then -- libcurl may close the new one as well
            silence.await_open(1)
          end
          assert.equal(1, ask(client).attempts)
        end)
    end
  end)
end

describe("the second request #transport", function()
  before_each(begin)
  after_each(finish)

  it("waits for its turn", function()
    local client, events = new_client("tls", { rate = 2, timeout = 4 })
    ask(client)
    silence.tell "silent"
    forget(events)
    assert.equal(2, ask(client).attempts)
    assert.equal("limit hedge attempt", names(events))
  end)

  it("is not sent where its turn would come too late", function()
    local client, events = new_client("tls",
      { rate = 2, timeout = 0.8, retries = 0 })
    local other = { api_key = "s1l3nt-0ther" } -- not used until now
    ask(client, other)
    silence.tell "silent"
    forget(events)
    local result, err = client:udio(other)
    assert.is_nil(result)
    assert.equal("timeout", err.kind)
    assert.equal(1, err.attempts)
    assert.equal("attempt", names(events))
  end)

  it("costs nothing of a budget of which nothing is left", function()
    local client = new_client("tls", { retries = 10 })
    for _ = 1, 2 do
      assert.equal(11, select(2, client:udio {
        endpoint = "http://127.0.0.1:1" }).attempts)
    end
    assert.equal(1, select(2, client:udio {
      endpoint = "http://127.0.0.1:1" }).attempts)
    ask(client)
    silence.tell "silent"
    assert.equal(2, ask(client).attempts)
  end)

  it("goes to the endpoint of the first", function()
    local client, events = new_client "tls"
    local endpoints = { silence.endpoint "tls", "http://127.0.0.1:1" }
    ask(client, { endpoint = endpoints })
    silence.tell "silent"
    forget(events)
    assert.equal(2, ask(client, { endpoint = endpoints }).attempts)
    assert.equal("hedge attempt", names(events))
    assert.equal(endpoints[1], events[1].endpoint)
  end)

  it("leaves no descriptor", function()
    local function descriptors()
      return tonumber((process.run("ls /proc/" .. process.run(
        "ps -o ppid= -p $PPID"):match "%d+" .. "/fd | wc -l")))
    end
    local client = new_client("tls", { timeout = 1 })
    ask(client)
    local before = descriptors()
    for _ = 1, 5 do
      silence.tell "silent"
      assert.equal(2, ask(client).attempts)
    end
    assert.equal(before, descriptors())
    silence.await_open(1)
  end)
end)

describe("a role's keys, where a kept connection died in silence", function()
  local real_endpoint = cvm_role.endpoint

  before_each(begin)
  after_each(function()
    cvm_role.endpoint = real_endpoint
    finish()
  end)

  -- Returns why the keys cannot be had: the server answers, but without keys.
  local function why_not(take)
    local client = new_client "plain"
    ask(client)
    silence.tell "silent"
    local set, why = take {
      loop = blocking, now = os.time, asks = true, config = {},
      getenv = function(name)
        return name == "TENCENT_STS_ENDPOINT" and silence.endpoint "plain"
          or nil
      end,
    }
    assert.is_nil(set)
    return why
  end

  it("are asked for over a new one, of the machine", function()
    cvm_role.endpoint = silence.endpoint "plain"
    assert.equal("the answer names no role", why_not(function(context)
      return cvm_role.take(nil, context)
    end))
  end)

  it("are asked for over a new one, of AssumeRole", function()
    local why = why_not(function(context)
      return assumed_role.take({ secret_id = "AKs1l", secret_key = "s1l3nt" },
        "a place", { arn = "qcs::cam::uin/1:roleName/r", session = "balance" },
        context)
    end)
    assert.matches("the answer has no complete keys$", why)
  end)
end)

describe("a transfer that is watched #transport", function()
  before_each(begin)
  after_each(finish)

  local function start(changes)
    local request = {
      endpoint = silence.endpoint "tls", path = "/", timeout = 1,
      connect_timeout = 1, ca_file = os.getenv "SSL_CERT_FILE", watch = true,
    }
    for name, value in pairs(changes or {}) do
      request[name] = value
    end
    return assert(core.transport():start(request))
  end

  -- With 1 every connection is dead, new ones too.
  local function start_on_a_dead_one(changes, all)
    local first = start()
    assert(blocking.wait(first))
    assert.equal(200, first:result().status)
    first:close()
    silence.tell("silent", all)
    return start(changes)
  end

  local function finished()
    local ids = {}
    for id in core.transport().finished, core.transport() do
      ids[id] = true
    end
    return ids
  end

  it("comes back once for silence, and then for its end", function()
    local transfer = start_on_a_dead_one()
    finished()
    assert(blocking.wait(transfer))
    assert.is_true(transfer:done())
    assert.has_error(function() transfer:result() end,
      "this transfer is still under way")
    assert.is_true(finished()[transfer:id()])
    assert.is_nil(finished()[transfer:id()])
    assert.is_true(transfer:stalled())
    assert.is_false(transfer:stalled())
    assert.is_false(transfer:done())
    assert(blocking.wait(transfer))
    assert.is_false(transfer:stalled())
    assert.equal("timeout", transfer:result().kind)
    assert.is_true(finished()[transfer:id()])
    transfer:close()
    assert.is_false(transfer:stalled())
  end)

  it("is not where nobody asked for it, nor over a new connection", function()
    for _, changes in ipairs { { watch = false, timeout = 0.4 },
      { fresh = true, timeout = 0.4 } } do
      local transfer = start_on_a_dead_one(changes, 1)
      assert(blocking.wait(transfer))
      assert.equal("timeout", transfer:result().kind)
      assert.equal(not changes.fresh, transfer:result().reused)
      transfer:close()
      silence.begin()
    end
  end)

  it("ends with its rival's answer", function()
    local transfer = start_on_a_dead_one()
    local rival = start { rival = transfer, fresh = true }
    assert(blocking.wait(rival))
    assert.equal(200, rival:result().status)
    assert.is_true(transfer:done())
    assert.equal("closed", transfer:result().kind)
    rival:close()
    transfer:close()
    silence.await_open(1)
  end)

  it("ends with a rival that is given up", function()
    for _, order in ipairs { { 1, 2 }, { 2, 1 } } do
      local pair = { start_on_a_dead_one() }
      pair[2] = start { rival = pair[1], fresh = true }
      core.transport():step()
      pair[order[1]]:close()
      assert.is_true(pair[order[2]]:done())
      assert.equal("closed", pair[order[2]]:result().kind)
      pair[order[2]]:close()
      assert.is_nil(core.transport():timeout())
    end
  end)

  it("outlives a rival that failed, and one that is over", function()
    local transfer = start_on_a_dead_one()
    local rival = start { rival = transfer, endpoint = "http://127.0.0.1:1" }
    assert(blocking.wait(rival))
    assert.equal("connect", rival:result().kind)
    rival:close()
    assert.is_false(transfer:done())
    transfer:close()
    local other = start { rival = transfer } -- closed by now
    assert(blocking.wait(other))
    assert.equal(200, other:result().status)
    other:close()
    for _, wrong in ipairs { "transfer", { transfer }, core.transport() } do
      assert.has_error(function() start { rival = wrong } end)
    end
  end)

  it("may be of a transport that is closed, and be collected", function()
    local transfer = start_on_a_dead_one()
    local rival = start { rival = transfer, fresh = true }
    core.transport():close()
    assert.equal("closed", transfer:result().kind)
    assert.equal("closed", rival:result().kind)
    transfer, rival = start_on_a_dead_one(), transfer
    start { rival = transfer, fresh = true }
    start { rival = rival, fresh = true }
    transfer, rival = nil, nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(core.transport():timeout())
  end)
end)

describe("a dead connection in a loop", function()
  before_each(begin)
  after_each(finish)

  it("costs as little in a gather of a plain script", function()
    local client = new_client "tls"
    ask_many(client, 2)
    silence.tell "silent"
    local attempts, ticks = {}, 0
    blocking.gather {
      function() attempts[1] = ask(client).attempts end,
      function() attempts[2] = ask(client).attempts end,
      function()
        for _ = 1, 20 do
          blocking.sleep(0.01)
          ticks = ticks + 1
        end
      end,
    }
    assert.same({ 2, 2 }, attempts)
    assert.equal(20, ticks)
  end)

  it("costs as little under cqueues", function()
    local client = new_client "tls"
    ask_many(client, 2)
    silence.tell "silent"
    local attempts, controller = {}, cqueues.new()
    for i = 1, 2 do
      controller:wrap(function() attempts[i] = ask(client).attempts end)
    end
    controller:wrap(function() attempts[3] = ask_many(client, 2) end)
    assert(controller:loop())
    assert.same({ 2, 2 }, { attempts[1], attempts[2] })
    silence.await_open(4)
  end)

  it("costs as little under luv", function()
    local output, status = process.run_lua([[
      local balance, uv = require "balance", require "luv"
      local silence = require "support.silence"
      local client = balance.new { loop = "luv", timeout = 4,
        udio = { endpoint = silence.endpoint "tls", api_key = "s1l3nt-k3y" } }
      local attempts = 0
      local function ask_twice()
        for _ = 1, 2 do
          coroutine.wrap(function()
            local result = client:udio()
            attempts = attempts + result.attempts
          end)()
        end
        uv.run()
      end
      ask_twice()
      silence.tell "silent"
      ask_twice()
      uv.walk(function(handle) error("left: " .. tostring(handle)) end)
      silence.await_open(2)
      io.write(attempts)
    ]], "timeout 20")
    assert.equal("6 0", output .. " " .. status)
  end)

  it("costs as little in a loop of the caller's", function()
    local client = new_client("tls", { loop = {
      wait = function(transfer)
        while not transfer:done() do
          assert(core.transport():wait())
        end
        return true
      end,
      sleep = core.sleep,
      gather = function(functions)
        for _, body in ipairs(functions) do
          body()
        end
      end,
    } })
    ask(client)
    silence.tell "silent"
    assert.equal(2, ask(client).attempts)
  end)

  it("is closed with the call where the loop fails", function()
    local client
    local waits = 0
    client = new_client("tls", { loop = {
      wait = function(transfer)
        waits = waits + 1
        if waits == 3 then -- the wait for the second request
          return nil, "network", "no more descriptors"
        end
        return blocking.wait(transfer)
      end,
      sleep = core.sleep, gather = blocking.gather,
    } })
    ask(client)
    silence.tell "silent"
    local result, err = client:udio { retries = 0 }
    assert.is_nil(result)
    assert.equal("udio: network: no more descriptors", tostring(err))
    assert.equal(2, err.attempts)
    silence.await_open(0)
  end)
end)

describe("a dead connection in nginx #nginx", function()
  before_each(begin)
  after_each(function()
    nginx.finish()
    finish()
  end)

  local function start()
    return nginx.start {
      workers = 1,
      http = "lua_check_client_abort on;",
      locations = {
        ["= /ask"] = ([[
          local result, err = balance.udio {
            endpoint = %q, api_key = "s1l3nt-k3y", timeout = 4,
          }
          ngx.print(result and result.attempts or tostring(err))
        ]]):format(silence.endpoint "tls"),
        ["= /all"] = ([[
          local accounts, attempts = {}, 0
          for i = 1, 8 do
            accounts["account" .. i] = { provider = "udio", timeout = 4,
              endpoint = %q, api_key = "s1l3nt-k3y" }
          end
          for _, result in pairs((balance.all(accounts))) do
            attempts = attempts + result.attempts
          end
          ngx.print(attempts)
        ]]):format(silence.endpoint "tls"),
        ["= /state"] = "ngx.print(worker.state())",
      },
    }
  end

  it("costs a second request, and the worker goes on", function()
    local server = start()
    assert.equal("1", (server:get "/ask"))
    silence.tell "silent"
    local request = server:open "/ask"
    server:await("/state", "under way, 1 waiting, 1 timers")
    assert.equal("here", (server:get "/unrelated"))
    assert.equal("2", (request.read()))
    assert.equal("1", (server:get "/ask"))
    server:await("/state", "idle")
    silence.await_open(1)
  end)

  it("stops none of many calls at once", function()
    local server = start()
    assert.equal("8", (server:get "/all"))
    silence.tell "silent"
    assert.equal("16", (server:get "/all"))
    assert.equal("8", (server:get "/all"))
  end)

  it("goes with its second request where the client goes", function()
    local server = start()
    server:get "/ask"
    silence.tell("silent", 1)
    local before = requests()
    local request = server:open "/ask"
    nginx.await("both requests", function()
      return requests() == before + 2
    end)
    request.close()
    server:await("/state", "idle")
    silence.await_open(0)
  end)
end)
