-- SPDX-License-Identifier: MIT
--- The types of the module, for editors with the Lua language server, which
-- takes this file for what `require "balance"` returns. No program loads it.
-- spec/types_spec.lua compares it with what there is.
---@meta balance

-- The module ------------------------------------------------------------------

---@class balance
---@field _VERSION string
---@field tempolor fun(options?: balance.KeyOptions): balance.TempolorResult?, balance.Failure?
---@field udio fun(options?: balance.KeyOptions): balance.UdioResult?, balance.Failure?
---@field tencent fun(options?: balance.TencentOptions): balance.TencentResult?, balance.Failure?
---@field all fun(accounts?: balance.Accounts): balance.Results, balance.Failures
---@field new fun(settings?: balance.Settings): balance.Client
---@field register fun(provider: balance.Provider)
---@field providers fun(): balance.KnownProvider[]
---@field amount fun(value: any): number?
---@field store balance.Stores
---@field tc3 balance.TC3
local _M = {}

--- A client with settings of its own.
---@class balance.Client
---@field tempolor fun(self, options?: balance.KeyOptions): balance.TempolorResult?, balance.Failure?
---@field udio fun(self, options?: balance.KeyOptions): balance.UdioResult?, balance.Failure?
---@field tencent fun(self, options?: balance.TencentOptions): balance.TencentResult?, balance.Failure?
---@field all fun(self, accounts?: balance.Accounts): balance.Results, balance.Failures

---@class balance.Stores
---@field memory fun(options?: balance.MemoryOptions): balance.Store
---@field redis fun(client: table|(fun(): table?, string?), options?: balance.RedisOptions): balance.Store
---@field sqlite fun(path: string, options?: balance.SqliteOptions): balance.Store

---@class balance.TC3
---@field sign fun(request: balance.tc3.Request): table<string,string>?, balance.Kind?, string?

-- Options ---------------------------------------------------------------------

--- What a call, a provider in the settings, and the settings take.
---@class balance.SharedOptions
---@field timeout? number seconds for the whole call, retries included (10)
---@field connect_timeout? number seconds until connected, TLS included (5)
---@field retries? integer how often to ask again (2)
---@field rate? number|false requests a second for one key, at most
---@field cache? balance.CacheSettings|false keep results (false)
---@field trace? fun(event: balance.Event) is told what happens
---@field ca_file? string whom to trust, a PEM file
---@field ca_path? string the same, a directory of hashed names
---@field proxy? string a proxy's URL; "" is none
---@field http2? boolean HTTP/2 where the server speaks it (false)

--- What every call takes.
---@class balance.Options: balance.SharedOptions
---@field endpoint? string|string[] scheme, host and port; a list: the next where one is not reached
---@field credentials? fun(): balance.CredentialSet?, string? returns the keys

---@class balance.KeyOptions: balance.Options
---@field api_key? string else TEMPOLOR_API_KEY, UDIO_API_KEY of the environment

---@class balance.TencentOptions: balance.Options
---@field secret_id? string else TENCENTCLOUD_SECRET_ID of the environment
---@field secret_key? string else TENCENTCLOUD_SECRET_KEY
---@field token? string of temporary keys; else TENCENTCLOUD_TOKEN
---@field temp_credit? boolean ask for the temporary limit too (false)
---@field region? string sent as X-TC-Region
---@field language? string of the service's messages ("en-US")
---@field site? "intl"|"cn" the international or the mainland host ("intl")
---@field profile? string which keys of a credentials file ("default")
---@field credentials_file? string `~/` is HOME (~/.tencentcloud/credentials)
---@field cvm_role? boolean|string keys of this machine's role (false)

--- An account of `balance.all`.
---@class balance.Account: balance.KeyOptions, balance.TencentOptions
---@field provider? string where the account's name is not the provider's

---@alias balance.Accounts table<string,balance.Account>
---@alias balance.Results table<string,balance.Result>
---@alias balance.Failures table<string,balance.Failure>

--- What `balance.new` takes.
---@class balance.Settings: balance.SharedOptions
---@field tempolor? balance.KeyOptions
---@field udio? balance.KeyOptions
---@field tencent? balance.TencentOptions
---@field rate_dict? string|table a lua_shared_dict, by its name: nginx workers share the rate
---@field loop? "blocking"|"nginx"|"cqueues"|"luv"|balance.Loop how to wait; found by itself, but for luv

--- What `require("balance.fake")` is told of an account: one of these, or a
--- service's own fields.
---@class balance.FakeAnswer
---@field provider? string where the account's name is not the provider's
---@field failure? balance.FakeFailure
---@field status? integer of HTTP (200)
---@field body? string|table the whole document of the service
---@field headers? table<string,string|number> of the answer
---@field answer? fun(options: table): balance.FakeAnswer is asked for each request

---@class balance.FakeFailure
---@field kind balance.Kind
---@field message? string
---@field code? string|number
---@field status? integer
---@field request_id? string
---@field retryable? boolean else as the kind has it
---@field retry_after? number seconds
---@field hint? string

---@class balance.CacheSettings
---@field ttl? number seconds in which a result is fresh (30)
---@field stale? number seconds in which it is returned where a new one cannot be had (300)
---@field refresh_timeout? number seconds that a call with an old result waits for a new one (2)
---@field stale_first? boolean return the old result at once, and refresh it in the background (false)
---@field store? balance.Store where results are kept
---@field dict? string the same, the name of a lua_shared_dict

---@class balance.MemoryOptions
---@field max? number of entries; with more, the oldest goes (1000)
---@field now? fun(): number a clock, in seconds

---@class balance.RedisOptions
---@field prefix? string goes before the names

---@class balance.SqliteOptions
---@field now? fun(): number a clock, Unix time in seconds

-- One account's keys by their names, such as `api_key`.
---@alias balance.CredentialSet table<string,string>

-- Results and failures --------------------------------------------------------

--- What every result has beside the service's own fields.
---@class balance.Result
---@field provider string
---@field available number what can still be spent
---@field available_from string the field that `available` was read from, or words
---@field unit string "credit", or "cent" for Tencent, or what a provider says
---@field request_id? string the service's
---@field fetched_at integer when the answer came, Unix time in seconds
---@field raw? table the whole decoded answer; nil where it is not JSON
---@field unexpected? string[] names of fields that are not as documented
---@field attempts integer how many requests it took
---@field timing balance.Timing of the request that was answered
---@field clock_offset? integer seconds by which the clock was corrected
---@field cached? true from the cache, not from a request of this call
---@field age? number of a cached one: seconds since `fetched_at`
---@field stale? true older than `ttl`: a new one could not be had, or not yet
---@field refresh_error? balance.Failure why not, where a request failed

---@class balance.TempolorResult: balance.Result
---@field balance number

---@class balance.UdioResult: balance.Result
---@field credits number
---@field used_credits? number

---@class balance.TencentResult: balance.Result
---@field Balance integer
---@field RealBalance? number
---@field CreditAmount? number
---@field CreditBalance? number
---@field RealCreditBalance? number
---@field CashAccountBalance? number
---@field IncomeIntoAccountBalance? number
---@field PresentAccountBalance? number
---@field FreezeAmount? number
---@field OweAmount? number
---@field TempCredit? number
---@field TempAmountInfoList? balance.TemporaryAmount[]
---@field IsAllowArrears? boolean
---@field IsCreditLimited? boolean
---@field Uin? integer
---@field RequestId? string

--- A part of Tencent's temporary limit.
---@class balance.TemporaryAmount
---@field Uin? string
---@field TempAmount? number
---@field StartTime? string
---@field EndTime? string

--- Seconds from the start of a request; 0 for a step that it did not need.
---@class balance.Timing
---@field dns number
---@field connect number
---@field tls number
---@field first_byte number
---@field total number

--- What a call that failed returns beside nil.
---@class balance.Failure
---@field provider string
---@field kind balance.Kind
---@field message string the service's own, else what went wrong
---@field code? string|integer the service's own, else libcurl's
---@field status? integer of HTTP, where one came
---@field request_id? string the service's
---@field retryable boolean whether the same call can work later
---@field retry_after? number seconds to wait, where the service said so, or a cache remembers the failure
---@field hint? string what to do, where something is known
---@field attempts? integer how many requests were made

---@alias balance.Kind
---| "config"     # no key, or an option or variable whose text will not do
---| "dns"        # the host's name could not be resolved
---| "connect"    # nobody answers there, or the proxy refused
---| "tls"        # no handshake, or a certificate that is not accepted
---| "timeout"    # no complete answer in time
---| "network"    # reset, cut off, or not HTTP
---| "auth"       # the key was refused, or may not ask this
---| "rate_limit" # too many requests
---| "api"        # the service said no
---| "http"       # an HTTP status without an answer of the service
---| "decode"     # not the JSON that the document promises
---| "too_large"  # a larger answer than is accepted
---| "phase"      # an nginx phase that cannot wait
---| "closed"     # the call was cancelled
---| "resource"   # no file descriptor, memory, thread or local port is left

-- Trace -----------------------------------------------------------------------

--- Something that happened on the way of a call. It holds no secret.
---@class balance.Event
---@field event balance.EventName
---@field provider string
---@field account? string the name that `balance.all` was given
---@field attempt? integer from 1
---@field endpoint? string of a request, unless it was refused
---@field kind? balance.Kind of a failure
---@field status? integer of HTTP
---@field timing? balance.Timing
---@field reused? boolean whether a kept connection was used
---@field clock_ahead? integer seconds by which the service's clock is ahead
---@field wait? number seconds until what comes next, or that the first was silent
---@field age? number of a cached result, seconds
---@field offset? number of a clock, seconds
---@field message? string of a warning, or why the store failed

---@alias balance.EventName
---| "attempt"     # a request was made
---| "hedge"       # a second one was, over a new connection
---| "retry"       # another will be, after a pause
---| "limit"       # the call had to wait for the rate limit
---| "clock"       # the clock is corrected
---| "cache_hit"   # the cache had a fresh result, or a failure
---| "refresh"     # the cache had no fresh result, a request follows
---| "stale"       # an old result is returned
---| "cache_error" # the store failed, or what it has is not ours
---| "warning"     # something is not as it should be

-- The monitor -----------------------------------------------------------------

--- What `require("balance.monitor").new` takes.
---@class balance.MonitorSettings
---@field client? balance.Client whom to ask (the module's own client)
---@field accounts? balance.Accounts as for `all`; without it, all that have keys
---@field every? number seconds from one round to the next, 60 to 86400 (300)
---@field store? balance.Store where histories are kept (the memory of this process)
---@field alarms? table<string,balance.AlarmSettings> by account
---@field notify? fun(event: balance.AlarmEvent): boolean?, any is told of alarms; false, or nil and why: again next round
---@field now? fun(): number a clock, Unix time in seconds

--- When an account's alarms go off.
---@class balance.AlarmSettings
---@field min? number of the account's unit: less is left
---@field min_days? number days: it is empty sooner
---@field for_rounds? integer so many rounds in a row (1)
---@field remind? number seconds, 60 or more: tell again as long as an alarm is on (never)

---@class balance.Monitor
---@field refresh fun(self) makes one round
---@field snapshot fun(self): balance.Snapshot what is known; asks no service
---@field run fun(self, after?: fun(monitor: balance.Monitor): boolean?): boolean?, string? makes rounds without end

--- What is known of all accounts: what reports are made of.
---@class balance.Snapshot
---@field version integer 1
---@field at number when it was made, Unix time in seconds
---@field every number seconds from one round to the next
---@field accounts balance.WatchedAccount[] sorted by name
---@field problem? string why the store failed

---@class balance.WatchedAccount
---@field name string
---@field provider? string
---@field unit? string
---@field currency? "USD"|"CNY" of cents, by Tencent's site
---@field available? number what is left; nil: not known
---@field available_from? string
---@field fields table<string,any> the service's other numbers and booleans
---@field fetched_at? number when the last answer came, Unix time in seconds
---@field duration? number seconds that it took
---@field is_up boolean whether the last round had an answer
---@field is_stale boolean whether it had none, or there was no round lately
---@field failure? balance.WatchedFailure of the last round
---@field failed_at? number
---@field failures table<balance.Kind,integer> how many there were
---@field history balance.Sample[] in the order of their arrival
---@field rates balance.Rates
---@field rate? number a day's use, the faster one of `rates`
---@field time_to_empty? number seconds
---@field outlook "known"|"idle"|"more than a year"|"not enough data"
---@field state "ok"|"low"|"empty soon"|"unknown"|"refused"
---@field alarms table<balance.AlarmName,balance.Alarm>
---@field undelivered balance.UndeliveredEvent[] what `notify` did not take

---@class balance.WatchedFailure
---@field provider string
---@field kind balance.Kind
---@field message string
---@field hint? string
---@field code? string|integer
---@field status? integer
---@field retryable boolean

---@class balance.Sample
---@field at number Unix time in seconds
---@field left number
---@field top_up? number by how much more was left than before
---@field begins? true the unit or the field changed

---@class balance.Rates
---@field day? number a day's use in the last 24 hours
---@field week? number the same in the last 7 days

---@alias balance.AlarmName
---| "min"      # less is left than the setting
---| "min_days" # it is empty sooner than the setting
---| "unknown"  # no answer for 30 minutes
---| "auth"     # the key is refused

---@class balance.Alarm
---@field state "ok"|"low" low: it is on
---@field since number Unix time in seconds
---@field min? number the setting
---@field min_days? number the setting

---@class balance.UndeliveredEvent
---@field event balance.AlarmEventName
---@field alarm balance.AlarmName
---@field at number Unix time in seconds
---@field message string why

---@alias balance.AlarmEventName
---| "low"     # an alarm for what is left went off
---| "unknown" # the one for an account without an answer
---| "auth"    # the one for a refused key
---| "ok"      # an alarm is over

--- What `notify` gets.
---@class balance.AlarmEvent
---@field version integer 1
---@field event balance.AlarmEventName
---@field alarm balance.AlarmName
---@field is_reminder? true
---@field account string
---@field provider? string
---@field unit? string
---@field currency? string
---@field available? number what is left; nil: not known
---@field available_from? string
---@field fetched_at? number Unix time in seconds
---@field threshold? number `min` or `min_days`
---@field rate? number a day's use
---@field time_to_empty? number seconds
---@field outlook string
---@field top_up? number
---@field kind? balance.Kind of a failure
---@field message? string of a failure
---@field hint? string of a failure
---@field at number when it happened, Unix time in seconds
---@field since number when the alarm went off

-- What a program may provide --------------------------------------------------

--- What a cache may have as its store; an ngx.shared.DICT is one.
---@class balance.Store
---@field get fun(self, key: string): string?, string?
---@field set fun(self, key: string, value: string, exptime?: number): boolean?, string?
---@field add fun(self, key: string, value: string, exptime?: number): boolean?, string?
---@field delete fun(self, key: string): boolean?, string?

--- How a call waits.
---@class balance.Loop
---@field wait fun(transfer: balance.Transfer): boolean?, balance.Kind?, string?, string?
---@field sleep fun(seconds: number)
---@field gather fun(functions: function[])
---@field spawn? fun(body: function): boolean?

--- What `balance.register` takes.
---@class balance.Provider
---@field name string
---@field unit string
---@field endpoint? string
---@field default_endpoint? fun(config: table): string?, string?
---@field endpoint_variable? string
---@field credentials balance.Credential[]
---@field options? table<string,any> the types of each, or a list of the strings to choose from
---@field rate? number requests a second for one key, at most
---@field request fun(config: table): balance.Request
---@field read fun(status: integer, body: table?, headers: table<string,string>, text: string): table?, table|string?, string[]?
---@field hint? fun(failure: balance.Failure, context: balance.HintContext): string?

---@class balance.Credential
---@field name string
---@field variable? string|string[] of the environment
---@field optional? boolean

--- What a provider's `request` returns.
---@class balance.Request
---@field path string
---@field method? "GET"|"POST" a POST where there is a body
---@field headers? table<string,string>
---@field body? string
---@field authorization? string
---@field scheme? string
---@field basic? string[] user and password
---@field tc3? table as for `balance.tc3.sign`, without host, method, path, query and payload

--- What `balance.providers` tells of each.
---@class balance.KnownProvider
---@field name string
---@field unit string
---@field endpoint_variable? string
---@field credentials balance.KnownCredential[]

---@class balance.KnownCredential
---@field name string
---@field variables string[] of the environment
---@field optional boolean

---@class balance.HintContext
---@field config table
---@field now number Unix time, seconds
---@field date? number the same, as the server has it

--- What `balance.tc3.sign` takes.
---@class balance.tc3.Request
---@field secret_id string
---@field secret_key string any byte
---@field service string "billing", "cvm", ...
---@field host string the Host header as it will be sent
---@field token? string of temporary keys; sent, not signed
---@field action? string "DescribeAccountBalance"
---@field version? string of the service's interface, "2018-07-09"
---@field region? string "ap-guangzhou"
---@field method? string "POST"
---@field path? string "/"
---@field query? string "", without the question mark
---@field payload? string "", the body as it will be sent; any byte
---@field timestamp? integer now; Unix time, seconds
---@field headers? table<string,string> what to sign, by lower-case name

-- Transfers, for a loop -------------------------------------------------------

--- A request on its way.
---@class balance.Transfer
---@field id fun(self): number
---@field done fun(self): boolean
---@field stalled fun(self): boolean
---@field result fun(self): table
---@field header fun(self, name: string): string?
---@field transport fun(self): balance.Transport
---@field close fun(self)

--- What moves all transfers: `require("balance.core").transport()`.
---@class balance.Transport
---@field start fun(self, request: table): balance.Transfer?, balance.Kind?, string?, string?
---@field step fun(self): boolean?, balance.Kind?, string?, string?
---@field wait fun(self, seconds?: number): boolean?, balance.Kind?, string?, string?
---@field finished fun(self): number?
---@field fd fun(self): integer?
---@field pollfd fun(self): integer?
---@field events fun(self): string
---@field timeout fun(self): number?
---@field waker fun(self): integer?, string
---@field arm fun(self, seconds: number): boolean?, string?
---@field disarm fun(self)
---@field close fun(self)

return _M
