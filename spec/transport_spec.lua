-- SPDX-License-Identifier: MIT
local core = require "balance.core"
local faults = require "support.faults"
local process = require "support.process"

local endpoint = os.getenv "UDIO_ENDPOINT"
local http1 = os.getenv "SANDBOX_HTTP1"
local ca_file = os.getenv "SSL_CERT_FILE"

-- A request that the sandbox answers with a page, whatever the path.
local function fetch_tls(changes)
  local request = { endpoint = endpoint, ca_file = ca_file }
  for name, value in pairs(changes or {}) do
    request[name] = value
  end
  return faults.fetch("/", request)
end

describe("a transfer #transport", function()
  it("brings status, body, wanted headers and timing", function()
    core.transport():close()
    local result, transfer = fetch_tls()
    assert.is_nil(result.kind)
    assert.is_string(result.body)
    assert.equal("application/json", transfer:header("Content-Type"))
    assert.equal("application/json", transfer:header("content-type"))
    assert.is_nil(transfer:header("x-nobody-sent-this"))
    local timing = result.timing
    assert.is_true(timing.total > 0)
    assert.is_true(timing.total >= timing.first_byte)
    assert.is_true(timing.first_byte >= timing.tls)
    assert.is_true(timing.tls >= timing.connect)
    assert.is_true(timing.connect >= timing.dns)
  end)

  it("keeps its connection for the next one", function()
    core.transport():close()
    local first, transfer = fetch_tls()
    local number = transfer:header("x-sandbox-connection")
    assert.is_false(first.reused)
    local second
    second, transfer = fetch_tls()
    assert.is_true(second.reused)
    assert.equal(number, transfer:header("x-sandbox-connection"))
  end)

  it("speaks HTTP/2 where it may and the server does, else HTTP/1.1",
    function()
    for _, case in ipairs {
      { endpoint, true, 2, "HTTP/2.0" }, { endpoint, false, 1.1, "HTTP/1.1" },
      { endpoint, nil, 1.1, "HTTP/1.1" }, { http1, true, 1.1, "HTTP/1.1" },
    } do
      core.transport():close()
      local result, transfer =
        fetch_tls { endpoint = case[1], http2 = case[2] }
      assert.equal(case[3], result.http_version)
      assert.equal(case[4], transfer:header("x-sandbox-protocol"))
    end
  end)

  it("goes over no connection of HTTP/2 where it may not", function()
    local transport = core.transport()
    transport:close()
    local function start(http2)
      return assert(transport:start {
        endpoint = endpoint, ca_file = ca_file, path = "/", timeout = 5,
        connect_timeout = 5, http2 = http2,
      })
    end
    assert.equal(2, fetch_tls({ http2 = true }).http_version)
    for _ = 1, 3 do -- with and without other transfers
      local shared, alone, last = start(true), start(false), start(true)
      for _, transfer in ipairs { shared, alone, last, start(false) } do
        while not transfer:done() do
          transport:wait()
        end
      end
      assert.equal(1.1, alone:result().http_version)
    end
  end)

  it("sends the headers it is given, the Host of the endpoint, and asks for"
    .. " no compression", function()
    local result = faults.fetch("/echo?a=b", {
      headers = { ["X-One"] = "1", ["User-Agent"] = "spec" },
      authorization = "k", scheme = "Bearer",
    })
    local lines = {}
    for line in result.body:gmatch("([^\r\n]+)\r\n") do
      lines[#lines + 1] = line
    end
    table.sort(lines)
    assert.same({
      "Accept: */*", "Authorization: Bearer k", "GET /echo?a=b HTTP/1.1",
      "Host: 127.0.0.1:" .. faults.ports.plain,
      "User-Agent: spec", "X-One: 1",
    }, lines)
  end)

  it("runs beside others on the same thread", function()
    local transport, transfers = core.transport(), {}
    for i = 1, 20 do
      transfers[i] = assert(transport:start {
        endpoint = i % 2 == 0 and endpoint or http1, path = "/",
        ca_file = ca_file, timeout = 5, connect_timeout = 5,
        headers = { ["X-Sandbox-Delay"] = "100" },
      })
    end
    local open = #transfers
    while open > 0 do
      assert.is_number(transport:wait())
      open = 0
      for _, transfer in ipairs(transfers) do
        open = open + (transfer:done() and 0 or 1)
      end
    end
    for _, transfer in ipairs(transfers) do
      assert.equal(200, transfer:result().status)
    end
  end)

  it("does not wait in a step #fast", function()
    local transport = core.transport()
    local transfer = assert(transport:start {
      endpoint = faults.endpoint(), path = "/silent", timeout = 5,
      connect_timeout = 5,
    })
    local before = os.time()
    for _ = 1, 1000 do
      assert.is_number(transport:step())
      assert.is_false(transfer:done())
    end
    assert.is_true(os.time() - before < 5)
    assert.has_error(function() transfer:result() end,
      "this transfer is still under way")
    transfer:close()
    assert.is_true(transfer:done())
  end)

  it("can be cancelled at any moment, and the next one works", function()
    local transport = core.transport()
    for steps = 0, 12 do
      local transfer = assert(transport:start {
        endpoint = endpoint, path = "/", ca_file = ca_file, timeout = 5,
        connect_timeout = 5,
      })
      for _ = 1, steps do
        transport:wait(0.001)
      end
      transfer:close()
      transfer:close() -- a second close does nothing
      assert.has_error(function() transfer:result() end,
        "this transfer is closed")
    end
    assert.equal(200, fetch_tls().status)
  end)

  it("is cancelled when the collector takes it", function()
    local transport = core.transport()
    assert(transport:start {
      endpoint = faults.endpoint(), path = "/silent", timeout = 5,
      connect_timeout = 5,
    })
    assert.is_number(transport:timeout())
    collectgarbage()
    collectgarbage()
    transport:step()
    assert.equal(200, fetch_tls().status)
  end)

  it("ends with kind closed when its transport is closed", function()
    local transport = core.transport()
    local transfer = assert(transport:start {
      endpoint = faults.endpoint(), path = "/silent", timeout = 5,
      connect_timeout = 5,
    })
    transport:step()
    transport:close()
    assert.is_true(transfer:done())
    assert.equal("closed", transfer:result().kind)
    assert.is_nil(transfer:header("date"))
    assert.equal(200, fetch_tls().status)
  end)
end)

-- Those that the module and libcurl make.
local function system_calls(count)
  local output, status = process.run_lua([[
    local faults = require "support.faults"
    for _ = 1, tonumber(arg[1]) do -- slow enough for the client to wait
      assert(faults.fetch("/api/v2/credits", { endpoint = arg[2],
        ca_file = os.getenv "SSL_CERT_FILE", scheme = "Bearer",
        authorization = os.getenv "UDIO_API_KEY",
        headers = { ["X-Sandbox-Delay"] = "20" } }).status == 200)
    end
  ]], "LD_PRELOAD=" .. process.build .. "/spec/count.so", count, http1)
  assert.equal(0, status, output)
  return tonumber(output:match "(%d+) system calls\n$")
end

-- A libcurl newer than 7.88 makes two more: it polls three times. Now and then
-- a timer brings one more.
describe("a transfer over a kept connection #transport", function()
  it("makes eight system calls, or ten", function()
    local calls = (system_calls(30) - system_calls(10)) / 20
    local most = core.info().libcurl:find "^7%." and 8 or 10
    assert.is_true(calls > 4 and calls < most + 0.5, calls)
  end)
end)

describe("a transport #transport", function()
  it("opens nothing before the first call", function()
    local output, status = process.run_lua [[
      local function descriptors()
        local pipe = io.popen(
          "ls -l /proc/$PPID/fd | grep -c 'socket:\\|anon_inode:'")
        local count = pipe:read("*n")
        pipe:close()
        return count
      end
      local before = descriptors()
      local core = require "balance.core"
      require "balance"
      local transport = core.transport()
      assert(transport:step())
      assert(transport:wait(0))
      assert(transport:timeout() == nil)
      assert(descriptors() == before, "something is open")
    ]]
    assert.equal(0, status, output)
  end)

  it("shows a descriptor and a time to another loop", function()
    local transport = core.transport()
    if process.build:find("-poll", 1, true) then
      assert.is_nil(transport:fd())
    else
      assert.is_true(transport:fd() >= 0)
    end
    assert.is_nil(transport:timeout())
    local transfer = assert(transport:start {
      endpoint = faults.endpoint(), path = "/none", timeout = 5,
      connect_timeout = 5,
    })
    local seconds = transport:timeout()
    assert.is_true(seconds >= 0 and seconds <= 5)
    transfer:close()
  end)
end)

-- Faults of an answer are in faults_spec.
describe("a server that misbehaves #transport", function()
  after_each(function() -- the next call is not affected
    assert.equal(200, faults.fetch("/none").status)
    assert.equal(200, fetch_tls().status)
  end)

  it("may begin its headers with a space", function()
    for _ = 1, 5 do
      faults.fetch("/folded-first")
      assert.equal(200, faults.fetch("/none").status)
    end
  end)

  -- libcurl 7.88 alone gives up after five dead connections. More connections
  -- than it keeps are opened here.
  it("may drop any number of idle connections", function()
    local transport, transfers = core.transport(), {}
    for i = 1, 80 do
      transfers[i] = assert(transport:start {
        endpoint = faults.endpoint(), path = "/idle-close", timeout = 5,
        connect_timeout = 5,
      })
    end
    for _, transfer in ipairs(transfers) do
      while not transfer:done() do
        transport:wait()
      end
      assert.equal(200, transfer:result().status)
    end
    process.sleep(0.1)
    assert.equal(200, faults.fetch("/none").status)
  end)
end)

describe("a proxy #transport", function()
  it("gets no request in clear text for a loopback address", function()
    local output = process.run_lua([[
      local faults = require "support.faults"
      print(faults.fetch("/none", { endpoint = arg[1] }).status)
      print(faults.fetch("/none",
        { endpoint = arg[1], proxy = "http://127.0.0.1:1" }).status)
    ]], "http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1",
      faults.endpoint())
    assert.equal("200\n200\n", output)
  end)

  it("with a URL that cannot be read is a mistake, and not repeated",
    function()
      for _, proxy in ipairs { "htp://me:s3cr3t@localhost:1",
        "http://me:s3cr3t#x@localhost:1", "http://me:s3cr3t@localhost:x" } do
        for _, setting in ipairs { "", "https_proxy=" .. proxy } do
          local output = process.run_lua([[
            local faults = require "support.faults"
            local result = faults.fetch("/", { proxy = arg[2],
              endpoint = "https://localhost:1" })
            print(result.kind, result.message)
          ]], process.quote(setting):gsub("^'(.*)'$", "%1"), "",
            setting == "" and proxy or nil)
          assert.matches("^config\t", output)
          assert.is_nil(output:find("s3cr3t", 1, true))
        end
      end
    end)
end)
