-- SPDX-License-Identifier: MIT
--
-- The second request, for a call whose kept connection died in silence; and
-- the transfer that is watched for it.
local assumed_role = require "balance.credentials.assumed_role"
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local cvm_role = require "balance.credentials.cvm_role"
local process = require "support.process"
local silence = require "support.silence"

local new_client, ask = silence.new_client, silence.ask
local forget, names = silence.forget, silence.names

before_each(silence.begin)
after_each(silence.finish)

describe("the second request #transport", function()
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

  after_each(function()
    cvm_role.endpoint = real_endpoint
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
