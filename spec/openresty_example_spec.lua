-- SPDX-License-Identifier: MIT
--
-- examples/openresty on a real nginx. Only its addresses, its modules and its
-- times are changed. Its steps are in openresty_steps_spec; a browser and a
-- Prometheus look at it in acceptance/.
local accounts = require "sandbox.accounts"
local cjson = require "cjson"
local example = require "support.example"
local nginx = require "support.nginx"
local process = require "support.process"

-- The sandbox's account of Tencent that has no rate limit.
local bench = accounts.tencent.bench
local keys = ("TENCENTCLOUD_SECRET_ID=%s TENCENTCLOUD_SECRET_KEY=%s"):format(
  bench.secret_id, bench.secret_key)

-- Udio's service. A file has the credits that it answers; it fails where the
-- file is empty.
local service_code = [[
  local cqueues = require "cqueues"
  local socket = require "cqueues.socket"
  local process = require "support.process"
  local directory = arg[1]
  local server = assert(socket.listen { host = "127.0.0.1", port = 0 })
  local loop = cqueues.new()
  loop:wrap(function()
    while true do
      local connection = server:accept()
      connection:setmode("bn", "bn")
      connection:onerror(function(_, _, why) return why end)
      repeat
        local line = connection:read("*L")
      until not line or line == "\r\n"
      local credits = process.read(directory .. "/credits")
      local body = '{"code":200,"data":{"credits":' .. credits .. '}}'
      connection:xwrite(credits == "" and "HTTP/1.1 502 Bad Gateway\r\n"
        .. "Content-Length: 0\r\n\r\n" or "HTTP/1.1 200 OK\r\n"
        .. "Content-Length: " .. #body .. "\r\n\r\n" .. body, "bn")
      connection:close()
    end
  end)
  local _, _, port = assert(server:localname())
  process.write(directory .. "/port", port)
  assert(loop:loop())
]]

local here = process.run("pwd"):gsub("\n", "")
local running -- stopped after each spec

-- Starts it; `changes` are replaced in its nginx.conf, `status_changes` in its
-- status.lua; `setting` goes before the command. Returns a function that gets a
-- path: body, status, headers.
local function start(changes, setting, status_changes)
  local dir = process.run("mkdir -p build && mktemp -d build/nginx.XXXXXX")
    :gsub("%s+$", "")
  local conf = example.read_conf()
  conf = example.replace(conf, "listen 127.0.0.1:8080",
    "listen unix:" .. dir .. "/http")
  for from, to in pairs(changes or {}) do
    conf = example.replace(conf, from, to)
  end
  if process.run "id -u" == "0\n" then
    conf = "user root root;\n" .. conf
  end
  process.write(dir .. "/nginx.conf", "daemon off;\n" .. conf)
  process.run(("cp %sguard.lua %s"):format(example.directory, dir))
  local status = process.read(example.directory .. "status.lua")
  for from, to in pairs(status_changes or {}) do
    status = example.replace(status, from, to)
  end
  process.write(dir .. "/status.lua", status)
  local started = process.start(("%s env LUA_PATH='%s;;' LUA_CPATH='%s;;' %s"
    .. " nginx -p %s -c nginx.conf -e error.log"):format(
    "PATH=$PATH:/usr/sbin:/usr/local/openresty/nginx/sbin " .. keys .. " "
      .. (setting or ""),
    here .. "/lua/?.lua;" .. here .. "/lua/?/init.lua",
    os.getenv "BALANCE_NGINX_BUILD" .. "/?.so",
    os.getenv "BALANCE_NGINX_RUN" or "", dir))
  running.dir, running.started = dir, started
  process.await(dir .. "/nginx.pid")
  return function(path)
    local text = process.run(("curl -sSi --unix-socket %s/http "
      .. "http://localhost%s"):format(dir, path))
    local headers, body = text:match("^(.-)\r\n\r\n(.*)$")
    assert.is_string(headers, text)
    return body, tonumber(headers:match("^HTTP/1.1 (%d+)")), headers:lower()
  end
end

-- Starts the service. Returns its endpoint, a function that sets its credits,
-- and one that stops it.
local function start_service(credits)
  local dir = process.run("mktemp -d"):gsub("%s+$", "")
  local function set(value)
    process.write(dir .. "/credits.new", value)
    assert(os.rename(dir .. "/credits.new", dir .. "/credits"))
  end
  set(credits)
  process.write(dir .. "/service.lua", service_code)
  local started = process.start(("%s %s/service.lua %s"):format(
    process.plain_lua, dir, dir))
  running.service = { dir = dir, started = started }
  return "http://127.0.0.1:" .. process.await(dir .. "/port"), set
end

local function stop()
  local complaints = ""
  local one, service = running, running.service
  running = {}
  if one.dir then
    one.started.stop()
    local log = process.read(one.dir .. "/error.log")
    complaints = example.complaints_of(log)
    for _, set in pairs(accounts) do
      for _, account in pairs(set) do
        local key = account.api_key or account.secret_key
        assert.is_nil(log:find(key, 1, true), "a key in the log")
      end
    end
    process.run("rm -r " .. one.dir)
  end
  if service then
    service.started.stop()
    process.run("rm -r " .. service.dir)
  end
  assert.equal("", complaints)
end

-- Asks until the status is this one; returns the last body and headers.
local function await_status(get, path, expected)
  local body, status, headers
  nginx.await(path .. " to be " .. expected, function()
    body, status, headers = get(path)
    return status == expected
  end)
  return body, headers
end

-- A round each half a second, which a user's monitor refuses.
local quick = { ["assert(watched:run"] = "watched.every = 0.5\n  assert("
  .. "watched:run" }
local soon_too_old = { ["max_age = 300"] = "max_age = 2" }

describe("examples/openresty #nginx", function()
  before_each(function() running = {} end)
  after_each(stop)

  it("shows all accounts, and why one is not there", function()
    local get = start(nil, "UDIO_API_KEY=not-a-key")
    local body, headers = await_status(get, "/status.json", 200)
    assert.matches("content-type: application/json", headers, 1, true)
    assert.matches("cache-control: no-store", headers, 1, true)
    local shown = cjson.decode(body)
    assert.equal(776.56, shown.accounts.tempolor.available)
    assert.equal("credit", shown.accounts.tempolor.unit)
    assert.equal(4200, shown.accounts.tencent.available)
    assert.equal("42.00", shown.accounts.tencent.amount)
    assert.is_number(shown.accounts.tencent.fetched_at)
    local udio = shown.accounts.udio
    assert.is_nil(udio.available)
    assert.equal("refused", udio.state)
    assert.equal("auth", udio.failure.kind)
    assert.equal("Unauthorized: Invalid or missing API key",
      udio.failure.message)
    assert.is_false(udio.failure.retryable)
    local page, status, page_headers = get "/status"
    assert.equal(200, status)
    assert.matches("content-type: text/html; charset=utf-8", page_headers, 1,
      true)
    assert.matches("content-security-policy: default-src 'none'; style-src"
      .. " 'sha256-", page_headers, 1, true)
    local metrics, _, metrics_headers = get "/metrics"
    assert.matches("content-type: text/plain; version=0.0.4; charset=utf-8",
      metrics_headers, 1, true)
    assert.matches('balance_amount{account="tencent",provider="tencent",'
      .. 'currency="USD"} 42.00\n', metrics, 1, true)
    assert.matches('balance_up{account="udio",provider="udio"} 0\n', metrics,
      1, true)
    for _, key in ipairs { "not-a-key", accounts.tempolor.main.api_key,
      bench.secret_id, bench.secret_key } do
      for _, text in ipairs { body, page, metrics } do
        assert.is_nil(text:find(key, 1, true))
      end
    end
  end)

  it("lets a request pass where there is enough", function()
    local get = start()
    local body = await_status(get, "/generate", 200)
    assert.equal("made, and paid for\n", body)
  end)

  it("refuses it with 402 where there is too little", function()
    local get = start { ["threshold = 50"] = "threshold = 195.5" }
    local body, headers = await_status(get, "/generate", 402)
    assert.matches("content-type: application/json", headers, 1, true)
    local said = cjson.decode(body)
    assert.is_true(said.age >= 0 and said.age < 60)
    said.age = nil
    assert.same({ error = "balance too low", account = "udio",
      available = 195, unit = "credit", threshold = 195.5 }, said)
  end)

  it("takes exactly the threshold for enough", function()
    local get = start { ["threshold = 50"] = "threshold = 195" }
    await_status(get, "/generate", 200)
  end)

  it("refuses it with 503 where nothing is known, which is not 0",
    function()
      local get = start({ ["threshold = 50"] = "threshold = 0" },
        "UDIO_API_KEY=not-a-key")
      await_status(get, "/status.json", 200) -- the service was asked
      local body, status, headers = get "/generate"
      assert.equal(503, status)
      assert.same({ error = "balance unknown", account = "udio" },
        cjson.decode(body))
      assert.matches("retry-after: 60", headers, 1, true)
    end)

  it("lets it pass then, where the setting says so", function()
    local get = start({ ['unknown = "refuse"'] = 'unknown = "pass"' },
      "UDIO_API_KEY=not-a-key")
    for _ = 1, 3 do
      local body, status = get "/generate"
      assert.equal(200, status)
      assert.equal("made, and paid for\n", body)
      await_status(get, "/status.json", 200)
    end
  end)

  it("refreshes in the background, and what is too old is not known",
    function()
      local endpoint, set = start_service "195"
      local get = start(soon_too_old, "UDIO_ENDPOINT=" .. endpoint, quick)
      await_status(get, "/generate", 200)
      set "49"
      assert.equal(49, cjson.decode(
        (await_status(get, "/generate", 402))).available)
      set "50"
      await_status(get, "/generate", 200)
      set "" -- the service fails: the last value holds for a while
      assert.equal(200, select(2, get "/generate"))
      await_status(get, "/generate", 503)
      set "1000"
      await_status(get, "/generate", 200)
      local log = process.read(running.dir .. "/error.log")
      assert.matches("[warn]", log, 1, true)
      assert.matches("balance of udio: http: ", log, 1, true)
    end)

  it("asks once for all workers", function()
    local get = start({ ["worker_processes 2"] = "worker_processes 4" },
      "UDIO_ENDPOINT=nowhere") -- each time that is tried is a warning
    local function count()
      return select(2, process.read(running.dir .. "/error.log")
        :gsub("balance of udio: ", ""))
    end
    nginx.await("a warning", function() return count() > 0 end)
    for _ = 1, 10 do
      assert.equal(503, select(2, get "/generate"))
    end
    assert.equal(1, count())
  end)

  it("makes no call for a request, and takes no time", function()
    local endpoint = start_service "195"
    local names = {}
    for i = 1, 20 do
      names[i] = ('a%d = { provider = "udio" }'):format(i)
    end
    local get = start({
      ["-- accounts = { udio = {}, tencent = {} },"] =
        ("accounts = { %s },"):format(table.concat(names, ", ")),
      ["location = /status {"] = [[location = /cost {
        content_by_lua_block {
          local status, spent = require("status"), {}
          local print, exit = ngx.print, ngx.exit
          ngx.print = function() end
          for _, name in ipairs { "page", "json", "metrics" } do
            local begun = os.clock()
            for _ = 1, 50 do status[name]() end
            spent[#spent + 1] = (os.clock() - begun) / 50 * 1000
          end
          ngx.print, ngx.exit = print, exit
          ngx.header["Content-Type"] = "text/plain"
          ngx.say(math.max(unpack(spent)))
        }
      }
      location = /status {]],
    }, "UDIO_ENDPOINT=" .. endpoint)
    await_status(get, "/status.json", 200)
    local function left()
      return cjson.decode((get "/status.json")).accounts.a20.available
    end
    assert.equal(195, left())
    running.service.started.stop() -- nobody could be asked now
    running.service.started.stop = function() end
    assert.equal(195, left())
    assert.is_true(#get "/status" > 10000)
    assert.is_true(#get "/metrics" > 5000)
    assert.is_true(tonumber((get "/cost")) < 2, (get "/cost")) -- ms
  end)

  it("has its histories in Redis, after a restart, too", function()
    local redis = process.start(("exec redis-server --port 0 --unixsocket"
      .. " %s/build/example.redis --save '' --appendonly no --logfile"
      .. " /dev/null"):format(here))
    finally(function()
      stop() -- nginx would log that Redis is gone
      redis.stop()
      process.run "rm -f build/example.redis"
    end)
    nginx.await("Redis", function()
      return select(2, process.run
        "redis-cli -s build/example.redis ping") == 0
    end)
    local changes = {
      ['-- redis = { host = "127.0.0.1", port = 6379 },'] =
        ('redis = { host = "unix:%s/build/example.redis" },'):format(here),
      ['lua_package_path "${prefix}?.lua;;"'] =
        ('lua_package_path "${prefix}?.lua;%s/spec/support/nginx/?.lua;;"')
        :format(here),
    }
    local client = { ['require("resty.redis"):new()'] =
      'require("redis"):new()' }
    local get = start(changes, nil, client)
    local before = cjson.decode((await_status(get, "/status.json", 200)))
    stop()
    get = start(changes, "UDIO_API_KEY=not-a-key", client)
    local after = cjson.decode((await_status(get, "/status.json", 200)))
    assert.equal(195, after.accounts.udio.available)
    assert.equal(before.accounts.udio.history[1][1],
      after.accounts.udio.history[1][1])
    assert.is_true(#get "/metrics" > 0)
  end)

  it("has a dashboard and rules that name metrics that exist", function()
    local known = {}
    for _, name in ipairs(require("balance.report.prometheus").names()) do
      known[name] = true
    end
    local dashboard = process.read(example.directory .. "grafana.json")
    assert.is_table(cjson.decode(dashboard))
    local count = 0
    for _, text in ipairs { dashboard,
      process.read(example.directory .. "balance.rules.yml") } do
      for name in text:gmatch "balance_[%l_]+" do
        assert.is_true(known[name], name)
        count = count + 1
      end
    end
    assert.is_true(count >= 12)
  end)
end)
