-- SPDX-License-Identifier: MIT
--
-- The metrics and the alert rules, by Prometheus's own tools and server.
local cjson = require "cjson"
local example = require "support.example"
local nginx = require "support.nginx"
local process = require "support.process"
local report = require "balance.report"
local snapshots = require "support.snapshots"

local here = process.run("pwd"):gsub("\n", "")

describe("Prometheus", function()
  local dir

  before_each(function()
    dir = process.run("mktemp -d"):gsub("%s+$", "")
  end)

  after_each(function()
    process.run("rm -r " .. dir)
  end)

  it("finds nothing to say about the metrics", function()
    local all = snapshots.of_all_states()
    for _, name in ipairs(snapshots.hostile) do
      table.insert(all.accounts, snapshots.account { name = name })
    end
    for i, unit in ipairs { "USD", "character", "cent" } do
      table.insert(all.accounts, snapshots.account { name = "unit" .. i,
        unit = unit })
    end
    for name, snapshot in pairs { all = all, none = snapshots.of {} } do
      assert.is_true(report.save(dir .. "/" .. name,
        report.prometheus(snapshot)))
      local output, status = process.run(("promtool check metrics <%s/%s")
        :format(dir, name))
      assert.equal("", output)
      assert.equal(0, status)
    end
  end)

  it("takes the rules, which fire as their tests say", function()
    local output, status = process.run(
      "promtool check rules examples/openresty/balance.rules.yml")
    assert.equal(0, status, output)
    assert.matches("5 rules found", output)
    output, status = process.run("cd examples/openresty && promtool test rules"
      .. " balance.rules.test.yml")
    assert.equal(0, status, output)
  end)

  -- The example's nginx on a port of the loopback address. Returns the port.
  local function start_example(running)
    local conf = example.read_conf()
    if process.run "id -u" == "0\n" then
      conf = "user root root;\n" .. conf
    end
    process.run(("mkdir %s/nginx && cp %s*.lua %s/nginx"):format(dir,
      example.directory, dir))
    for _ = 1, 20 do -- the port may be in use
      local port = 20000 + process.run "od -An -N2 -tu2 /dev/urandom" % 12000
      process.write(dir .. "/nginx/nginx.conf", "daemon off;\n"
        .. example.replace(conf, "listen 127.0.0.1:8080",
          ("listen 127.0.0.1:%d"):format(port)))
      running.nginx = process.start((
        "PATH=$PATH:/usr/sbin:/usr/local/openresty/nginx/sbin"
        .. " LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s/?.so;;'"
        .. " exec nginx -p %s/nginx -c nginx.conf -e error.log"):format(here,
        here, os.getenv "BALANCE_NGINX_BUILD", dir))
      for _ = 1, 100 do
        if process.read(dir .. "/nginx/nginx.pid") then
          return port
        end
        process.sleep(0.02)
      end
      running.nginx.stop()
    end
    error("no port for nginx")
  end

  it("scrapes the example, and answers a query", function()
    local running = {}
    finally(function()
      for _, each in pairs(running) do
        each.stop()
      end
    end)
    local port = start_example(running)
    local shown
    local ok = pcall(nginx.await, "the metrics", function()
      shown = process.run(("curl -s http://127.0.0.1:%d/metrics"):format(port))
      return shown:find("balance_up", 1, true)
    end)
    assert(ok, shown .. process.read(dir .. "/nginx/error.log"))
    process.write(dir .. "/prometheus.yml", ([[
global: { scrape_interval: 1s }
rule_files: [ %s/%sbalance.rules.yml ]
scrape_configs:
  - job_name: balance
    static_configs: [ { targets: [ "127.0.0.1:%d" ] } ]
]]):format(here, example.directory, port))
    local own = 20000 + process.run "od -An -N2 -tu2 /dev/urandom" % 12000
    running.prometheus = process.start(("exec prometheus --config.file=%s/"
      .. "prometheus.yml --storage.tsdb.path=%s/data --web.listen-address="
      .. "127.0.0.1:%d >%s/prometheus.log 2>&1"):format(dir, dir, own, dir))
    local function query(expression)
      local text = process.run(("curl -s -G http://127.0.0.1:%d/api/v1/query"
        .. " --data-urlencode %s"):format(own,
        process.quote("query=" .. expression)))
      local decoded, answer = pcall(cjson.decode, text)
      return decoded and answer.status == "success" and answer.data.result[1]
    end
    local found
    for _ = 1, 600 do
      found = query 'balance_credits{account="udio"}'
      if found then
        break
      end
      process.sleep(0.1)
    end
    assert.is_table(found, process.read(dir .. "/prometheus.log"))
    assert.equal("195", found.value[2])
    assert.equal("udio", found.metric.provider)
    assert.equal("100000000.00",
      ("%.2f"):format(query("balance_amount").value[2]))
    assert.equal("3", query("count(balance_up == 1)").value[2])
    assert.is_nil(query
      "balance_last_success_timestamp_seconds < time() - 600")
    assert.is_nil(process.run(("curl -s http://127.0.0.1:%d/api/v1/alerts")
      :format(own)):find("firing", 1, true))
  end)
end)
