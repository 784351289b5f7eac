# A story with a virtual clock: connections that open, speak, wait and close under one guard.

UNIX = 1_800_000_000
SECOND = 1_000_000_000
NEVER = 2**64 - 1

# What is wrong with a question.
class Wrong < StandardError; end

def required(from, name)
  value = from.is_a?(Hash) ? from[name] : nil
  raise Wrong, "#{name} is missing" if value.nil?

  value
end

def text(from, name)
  value = required(from, name)
  raise Wrong, "#{name}: expected a string" unless value.is_a?(String)

  value
end

def number(from, name)
  value = from.is_a?(Hash) ? from[name] : nil
  raise Wrong, "#{name}: expected a whole number, 0 or more" unless value.nil? || (value.is_a?(Integer) && value >= 0)

  value
end

# A guard of a host that can do everything. Its seed is the number, most significant byte first, and zeros.
def guard_of(question, seed)
  policy = WswardenUniffi::Policy.from_json(JSON.generate(required(question, "policy")))
  abilities = WswardenUniffi::Ability
  all = [abilities::PINGS, abilities::CONTROL_FRAMES, abilities::REPEATED_HEADERS, abilities::FRAGMENTS, abilities::HTTP_REFUSAL]
  WswardenUniffi::Guard.new(policy, all, [], [seed].pack("Q>") + "\0" * 24)
rescue WswardenUniffi::WswardenError::Policy => error
  raise Wrong, "policy: #{error.message}"
end

def identity(from)
  from = { "subject" => from } if from.is_a?(String)
  seconds = ->(name) { number(from, name)&.*(SECOND) }
  WswardenUniffi::Identity.new(
    subject: from["subject"], vouched_by: from["namespace"] || "", tenant: from["tenant"] || "",
    scopes: from["scopes"] || [], expires: seconds.call("expires"), issued_at: seconds.call("issued_at"),
    token_id: from["token_id"], session_id: from["session_id"]
  )
end

def asked(from)
  headers = (from["headers"] || []).map { |name, value| WswardenUniffi::Header.new(name: name, value: value.b) }
  peer = from["peer"] ? WswardenUniffi::Peer::ADDRESS.new(ip: from["peer"]) : WswardenUniffi::Peer::UNIX.new
  WswardenUniffi::Request.new(
    method: from["method"] || "GET", target: text(from, "target"), version: from["version"] || "1.1",
    headers: headers, peer: peer, tls: from["tls"] || false
  )
end

def need_of(need)
  return { need: "identity", token: need.token.dup.force_encoding("UTF-8").scrub } if need.identity?
  return { need: "revalidate", subject: need.identity.subject } if need.revalidate?

  return { need: "keys", url: need.url } if need.keys?
  return { need: "ticket", id: encoded(need.id) } if need.ticket?

  raise Wrong, "a need that no story has"
end

def encoded(bytes)
  [bytes].pack("m0")
end

# The connections of one story, by the names it has for them.
class Script
  VERBS = %w[open receive tick sent drained provide revalidated authenticate close lost join leave revoke policy drain
             stats mint keys guard].freeze
  Connection = Struct.new(:name, :handle, :session)

  def initialize(question)
    @question = question
    @guard = guard_of(question, number(question, "seed") || 0)
    @registry = WswardenUniffi::Registry.new(@guard, 0)
    @connections = []
    @retries = WswardenUniffi.reasons.to_h { |row| [row.name, row.retry_advice] }
  end

  def steps
    at = 0
    (@question["steps"] || []).map do |step|
      at = number(step, "at") || at
      civil = number(step, "unix")
      unix = civil ? civil * SECOND : (number(@question, "unix") || UNIX) * SECOND + at
      @now = WswardenUniffi::Time.new(mono: at, unix: unix)
      play(step)
    end
  end

  private

  def play(step)
    verbs = VERBS.reject { |verb| step[verb].nil? }
    raise Wrong, "expected exactly one of #{VERBS.join(", ")}" unless verbs.length == 1

    case verb = verbs.first
    when "open" then open(step)
    when "tick" then tick
    when "revoke" then affected { @guard.revoke(revocation(step["revoke"]), step["lasts"] || NEVER, @now.unix) }
    when "policy" then affected { @guard.reload(WswardenUniffi::Policy.from_json(JSON.generate(step["policy"]))) }
    when "drain" then affected { @guard.drain(@now.mono) }
    when "stats" then stats
    when "mint" then mint(step["mint"])
    when "keys" then keys(step)
    when "guard" then guard_due
    else on_connection(verb, step)
    end
  rescue WswardenUniffi::WswardenError::StaleHandle
    { verdict: "stale" }
  end

  def open(step)
    request = step["open"]
    known = request.is_a?(String) ? request : nil
    request = required(required(@question, "requests"), known) if known
    name = step["as"] || known or raise Wrong, "as is missing"
    @connections.reject! { |one| one.name == name }
    @connections << Connection.new(name)
    admitted = @registry.open(asked(request), @now)
    if admitted.wait? && step["identity"]
      answer = WswardenUniffi::Answer::IDENTITY.new(identity: identity(step["identity"]))
      admitted = @registry.provide(admitted.handle, answer, @now)
    end
    became(@connections.last, admitted)
  end

  def became(one, admitted)
    one.handle = admitted.refused? ? nil : admitted.handle
    return refused(admitted.response) if admitted.refused?
    return { verdict: "wait" }.merge(need_of(admitted.need)) if admitted.wait?

    session = @registry.session(one.handle)
    one.session = session.id
    said = { verdict: "open", status: admitted.response.status }
    session.identity ? said.merge(subject: session.identity.subject) : said.merge(pending: session.is_pending)
  end

  def refused(response)
    said = { verdict: "refuse", status: response.status, reason: response.reason }
    response.retry_after ? said.merge(retry_after: response.retry_after) : said
  end

  def on_connection(verb, step)
    one = @connections.find { |held| held.name == text(step, verb) } or raise Wrong, "nothing was opened as that"
    handle = one.handle or return { verdict: "stale" }

    case verb
    when "provide" then provide(one, handle, answer_of(step))
    when "lost" then lost(handle)
    when "receive" then receive(handle, step)
    when "sent" then pressure(@registry.queued(handle, number(step, "bytes"), @now.mono))
    when "drained"
      @registry.drained(handle, number(step, "bytes"))
      { ok: true }
    when "close" then outcome(@registry.close(handle, step["reason"] || "closed_by_host", @now.mono), "")
    when "join"
      joined = @registry.join(handle, text(step, "channel"))
      joined.nil? ? { ok: false, reason: "too_many_channels" } : { ok: joined }
    when "leave" then { ok: @registry.leave(handle, text(step, "channel")) }
    when "authenticate" then judged(handle, @registry.authenticate(handle, payload(step), @now))
    when "revalidated" then outcome(@registry.revalidated(handle, answer_of(step), @now), "")
    end
  end

  def provide(one, handle, answer)
    became(one, @registry.provide(handle, answer, @now))
  rescue WswardenUniffi::WswardenError::StaleHandle
    judged(handle, @registry.provide_session(handle, answer, @now))
  end

  def receive(handle, step)
    kinds = WswardenUniffi::FrameKind
    kind = { "text" => kinds::TEXT, "binary" => kinds::BINARY, "ping" => kinds::PING, "pong" => kinds::PONG,
             "close" => kinds::CLOSE }.fetch(text(step, "kind"))
    bytes = kind == kinds::CLOSE ? (step["code"] ? [step["code"]].pack("n") : "") : payload(step)
    outcome(@registry.receive(handle, kind, bytes, @now.mono), bytes)
  end

  def payload(step)
    (step["text"] || text(step, "bytes").unpack1("m0")).b
  end

  def answer_of(step)
    answer, kinds = required(step, "answer"), WswardenUniffi::Answer
    return kinds::IDENTITY.new(identity: identity(answer["identity"])) if answer["identity"]

    words = { "refused" => kinds::REFUSED, "unavailable" => kinds::UNAVAILABLE, "keys" => kinds::KEYS, "unused" => kinds::UNUSED }
    words.fetch(words.keys.find { |word| answer[word] }).new
  end

  def judged(handle, judgement)
    return { verdict: "wait" }.merge(need_of(judgement.need)) if judgement.wait?

    said = outcome(judgement.outcome, "")
    who = @registry.session(handle).identity
    judgement.outcome.verdict.ignore? && who ? said.merge(subject: who.subject) : said
  end

  def outcome(outcome, payload)
    verdict = outcome.verdict
    said = { verdict: verdict.class.name.split("::").last.downcase }
    said[:type] = verdict.message_type if verdict.deliver? && verdict.message_type
    said[:bytes] = encoded(verdict.text) if verdict.reply?
    said[:bytes] = encoded(payload) if verdict.pong?
    said[:code] = verdict.code if verdict.close?
    if verdict.reply? || verdict.drop? || verdict.close?
      said[:reason] = verdict.reason
      wait = outcome.retry_after
      said[:retry_after] = wait if wait && @retries[verdict.reason] == "after_delay"
    end
    with_event(said, outcome.event)
  end

  def with_event(said, event)
    return said unless event

    said[:event] = event.kind
    said[:suppressed] = event.suppressed if event.suppressed.positive?
    said
  end

  def pressure(pressure)
    return { pressure: "free" } if pressure.free?
    return { pressure: "full" } if pressure.full?

    close = pressure.outcome.verdict
    with_event({ pressure: "close", code: close.code, reason: close.reason }, pressure.outcome.event)
  end

  def lost(handle)
    event = begin
      @registry.lost(handle, @now.mono)
    rescue WswardenUniffi::WswardenError::StaleHandle
      nil
    end
    remove(handle)
    with_event({ ok: true }, event)
  end

  def remove(handle)
    @registry.remove(handle)
  rescue WswardenUniffi::WswardenError::StaleHandle
    nil
  ensure
    @connections.each { |one| one.handle = nil if one.handle == handle }
  end

  def tick
    due = []
    (@connections.length + 1).times do
      while (next_due = @registry.tick(@now.mono))
        due << ticked(next_due)
      end
      wake = @registry.next_timeout
      break if wake.nil? || wake > @now.mono
    end
    { due: due.sort_by.with_index { |(order, _), index| [order, index] }.map(&:last) }
  end

  def ticked(due)
    order = @connections.index { |one| one.handle == due.handle } || @connections.length
    said, action = { session: @connections[order]&.name }, due.action
    if action.refuse?
      remove(due.handle)
      return [order, said.merge(refused(action.response))]
    end
    said[:action] = action.class.name.split("::").last.downcase
    said[:bytes] = encoded(action.payload) if action.ping?
    said.merge!(code: action.code, reason: action.reason) if action.close?
    remove(due.handle) if action.terminate?
    [order, with_event(said, due.event)]
  end

  def affected
    ids = yield
    { affected: @connections.select { |one| ids.include?(one.session) }.map(&:name) }
  rescue WswardenUniffi::WswardenError::Policy, WswardenUniffi::WswardenError::Full => error
    { error: error.message }
  end

  def revocation(what)
    kinds = WswardenUniffi::Revocation
    if (one = what["token"] || what["session"])
      kind = what["token"] ? kinds::TOKEN : kinds::SESSION
      return kind.new(vouched_by: one["namespace"] || "", id: text(one, "id"))
    end
    user = required(what, "user")
    until_ = user["issued_until"] ? user["issued_until"] * SECOND : @now.unix
    kinds::USER.new(vouched_by: user["namespace"] || "", tenant: user["tenant"] || "", subject: text(user, "subject"),
                    issued_until: until_)
  end

  def mint(asked)
    entropy = [number(asked, "entropy")].pack("Q>") + "\0" * 24
    minted = @guard.mint_ticket(identity(asked["identity"]), text(asked, "path"), asked["origin"], asked["address"], @now, entropy)
    minted.ticket? ? { ticket: minted.text } : { error: minted.detail, reason: minted.reason }
  end

  def keys(step)
    body = step["body"]
    body = JSON.generate(body) unless body.nil? || body.is_a?(String)
    body ? @guard.keys_fetched(step["keys"], body.b, @now.mono) : @guard.keys_failed(step["keys"])
    { ok: true }
  rescue WswardenUniffi::WswardenError::Policy => error
    { error: error.message }
  end

  def guard_due
    due = []
    while (fetch = @guard.handle_timeout(@now.mono))
      due << { action: "fetch_keys", url: fetch.url }
    end
    { due: due, next: @guard.next_timeout }
  end

  def stats
    stats = @guard.stats
    %i[connections unauthenticated sessions opened refused addresses users].to_h { |name| [name, stats.public_send(name)] }
  end
end
