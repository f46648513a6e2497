// SPDX-License-Identifier: Apache-2.0
// An app of Backstage of one page: the overview card of an entity whose builds are
// those of slug, or, as tab, what is behind it, which has an icon to restart them. token is what Backstage gave to the user who has signed in; what
// the card complains about goes to complain().
import React from 'react';
import ReactDOM from 'react-dom';
import { AppRouter, createSpecializedApp } from '@backstage/core-app-api';
import { createApiFactory, discoveryApiRef, errorApiRef } from '@backstage/core-plugin-api';
import { EntityProvider } from '@backstage/plugin-catalog-react';
import { UnifiedThemeProvider, themes } from '@backstage/theme';
import {
	EntityTravisCIOverviewCard, Router, travisciPlugin,
} from '@roadiehq/backstage-plugin-travis-ci';
import { MemoryRouter } from 'react-router-dom';

const element = React.createElement;

function signIn(token) {
	const identity = {
		getCredentials: async () => ({ token }),
		getProfileInfo: async () => ({}),
		getBackstageIdentity: async () => ({
			type: 'user', userEntityRef: 'user:default/guest', ownershipEntityRefs: [] }),
		signOut: async () => {},
	};

	return function SignInPage({ onSignInSuccess }) {
		React.useEffect(() => onSignInSuccess(identity), [onSignInSuccess]);
		return null;
	};
}

export function show({ backend, token, slug, tab, complain }) {
	const entity = {
		apiVersion: 'backstage.io/v1alpha1',
		kind: 'Component',
		metadata: { name: 'shown', annotations: { 'travis-ci.com/repo-slug': slug } },
	};
	const app = createSpecializedApp({
		apis: [
			createApiFactory(discoveryApiRef, {
				getBaseUrl: async id => `${backend}/api/${id}` }),
			createApiFactory(errorApiRef, {
				post: complain, error$: () => ({ subscribe() {} }) }),
		],
		plugins: [travisciPlugin],
		icons: new Proxy({}, { get: () => () => null }),
		themes: [{ id: 'light', title: 'Light', variant: 'light', Provider: ({ children }) =>
			element(UnifiedThemeProvider, { theme: themes.light }, children) }],
		configLoader: async () => [{ context: 'test', data: {
			travisci: { baseUrl: 'https://app.travis-ci.com/github/' } } }],
		components: {
			Progress: () => null,
			Router: MemoryRouter,
			SignInPage: signIn(token),
			ErrorBoundaryFallback: ({ error }) => complain(error) || null,
			BootErrorPage: ({ error }) => complain(error) || null,
			NotFoundErrorPage: () => null,
		},
	});
	const page = element(AppRouter, null,
		element(EntityProvider, { entity }, element(tab ? Router : EntityTravisCIOverviewCard)));

	ReactDOM.render(element(app.createRoot(page)),
		document.body.appendChild(document.createElement('div')));
}
